-- A scenario that this plan lets customers in to; one without a priority comes after all that have one.
insert into pg_temp.contestants
values (
    %(scenario_id)s,
    %(scenario_code)s,
    %(is_exclusive)s,
    %(restarts)s,
    coalesce(%(priority)s, 'infinity'::double precision),
    %(is_selected)s
)

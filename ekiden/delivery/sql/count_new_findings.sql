-- What a guard's query finds that it did not find before: how much, and one of it.
with found as (
    select to_jsonb(offender)::text as finding
    from ({query}) as offender
)

select
    count(*) as findings,
    min(found.finding) as example
from found
where
    not exists (
        select
        from outreach.guard_findings as known
        where known.guard = %(guard)s and known.finding = found.finding
    )

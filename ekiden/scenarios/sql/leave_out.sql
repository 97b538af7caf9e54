-- Marks a scenario that was not built. What an earlier build registered stays: by it rows that wait are still judged.
insert into eligibility.scenario_registry as registry (model_name, relation_name, definition, build_id, built_at)
values (%(model_name)s, %(relation_name)s, %(definition)s || %(faults)s, 'not built', clock_timestamp())
on conflict (model_name) do update set
    definition = registry.definition || %(faults)s

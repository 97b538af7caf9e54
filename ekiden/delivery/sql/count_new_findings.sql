-- What a guard found that it did not find before: how much, and one of it.
select
    count(*) as findings,
    min(found.finding) as example
from pg_temp.findings as found
where
    not exists (
        select
        from outreach.guard_findings as known
        where known.guard = %(guard)s and known.finding = found.finding
    )

-- By which batch time the sweep judged days gone by, where a scenario says backfill_as_of: due_date: by another one,
-- everybody is looked at.
alter table outreach.sweeps add column batch_time time;

-- An opt-out of before the last migration may have a time that no program can read: with it no batch of that customer
-- could be sent, and it could not be withdrawn either. Its time is brought into the calendar, and nothing else of it.
alter table outreach.opt_outs disable trigger refuse_changes;

update outreach.opt_outs
set opted_out_at = least(greatest(opted_out_at, '0001-01-02 00:00+00'), '9999-12-30 00:00+00')
where opted_out_at not between '0001-01-02 00:00+00' and '9999-12-30 00:00+00';

alter table outreach.opt_outs enable trigger refuse_changes;

alter table outreach.opt_outs validate constraint opted_out_at_is_readable;

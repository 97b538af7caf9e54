-- Entries are also written by hand. A time that programs cannot read, like -infinity, or that is of no year in some
-- time zone, would keep every batch with that customer from being sent.
update outreach.suppression_list
set suppressed_at = least(greatest(suppressed_at, '0001-01-02 00:00+00'), '9999-12-30 00:00+00')
where suppressed_at not between '0001-01-02 00:00+00' and '9999-12-30 00:00+00';

alter table outreach.suppression_list add constraint suppressed_at_is_readable
check (suppressed_at between '0001-01-02 00:00+00' and '9999-12-30 00:00+00');

-- not valid: what stands there already may not be rewritten
alter table outreach.opt_outs add constraint opted_out_at_is_readable
check (opted_out_at between '0001-01-02 00:00+00' and '9999-12-30 00:00+00') not valid;

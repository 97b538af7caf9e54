-- Whoever records opt-outs asks which of them were withdrawn since: few, beside all that stand.
create index withdrawn_opt_outs on outreach.opt_outs (withdrawn_at) where withdrawn_at is not null;

-- Only tries that a message had for itself count against its budget: that a provider was busy, or turned everything
-- away, says nothing of the message.

alter table outreach.attempts add column costs_a_try boolean not null default true;

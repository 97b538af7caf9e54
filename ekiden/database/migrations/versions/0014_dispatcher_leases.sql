-- Senders' claims carry a lease.
select 1;

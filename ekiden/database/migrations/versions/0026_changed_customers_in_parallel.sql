-- The facts of changed customers are read by several processes at once: a few thousand customers are a small table to
-- the planner, and what is read of each of them is not. A key, because only who is known to stand there once can be
-- joined by several at once.
alter table changed.customer_ids
add primary key (customer_id),
-- as many as PostgreSQL gives a query where nobody has said otherwise (max_parallel_workers_per_gather)
set (parallel_workers = 2);

-- What providers tell after a message was accepted.
select 1;

-- Who does not want to be written to, and by what.
select 1;

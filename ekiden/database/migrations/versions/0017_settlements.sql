-- How attempts of unknown outcome were settled, and by whom.
select 1;

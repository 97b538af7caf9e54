-- Materialized views of others that a build has made again and not filled yet; noted, as the build may end before.
create table changed.views_to_fill (
    view_name text primary key,
    -- filling one runs what its owner wrote, with the owner's rights: not once it has another
    owner_id oid not null,
    -- why it could not be filled when that was last tried
    failure text
);

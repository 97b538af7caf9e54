"""Running dbt: the environment it needs, builds and the manifest. The models themselves are in `dbt_project/`."""

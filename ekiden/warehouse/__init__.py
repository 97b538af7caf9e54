"""Running dbt: the environment it needs, builds and the manifest. The models themselves are in `dbt_project/`.

Who leaves out what of a build: `project` puts stubs in the place of scenarios whose files have faults; `refused` finds
those with which dbt reads nothing at all, while `parsing` has it read the project; `unbuilt` tells which of the others
a build did not get done; and `ekiden.scenarios.left_out` marks them, so that the plan leaves them out.
"""

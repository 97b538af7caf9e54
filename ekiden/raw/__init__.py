"""The shop's own tables: what they must look like (`contract`) and how files become them (`load`).

Belongs here: schema `raw` and its way in. Does not belong here: any reading of what the rows mean
(`dbt_project`) and anything made by Ekiden itself (schema `outreach`).
"""

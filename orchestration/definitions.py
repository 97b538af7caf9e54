"""What `workspace.yaml` loads: the definitions of the deployment that the environment names.

Nothing else imports this module, because importing it reads that deployment's settings and dbt manifest.
"""

from orchestration.composition import build_defs

defs = build_defs()

"""What Celery's send workers load: `celery -A orchestration.celery_app worker`, with the environment of `ekiden env`.

Nothing else imports this module, because importing it reads the deployment's settings.
"""

from dagster_celery.executor import CeleryExecutor
from dagster_celery.make_app import make_app
from dagster_celery.tasks import create_task

import orchestration.composition  # noqa: F401 - once, before processes are forked that would each import it
from ekiden.settings import Settings
from orchestration.executors import CELERY_SETTINGS, celery_place

app = make_app(CeleryExecutor.for_cli(**celery_place(Settings()), config_source=CELERY_SETTINGS).app_args())

execute_plan = create_task(app)

"""The shop as a Django project with drips would have it: users, whether they unsubscribed, and their order days."""

from django.contrib.auth.models import User
from django.db import models


class Profile(models.Model):
    """What the shop knows of a user besides Django's own fields."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="profile")
    unsubscribed = models.BooleanField(default=False)


class Order(models.Model):
    """An order that stands, on its local day."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="orders")
    ordered_on = models.DateField(db_index=True)

"""Add dataset experiment"""

import sqlalchemy as sa
from alembic import op

revision = "0c9c72e35979"
down_revision = None


def upgrade():
    op.add_column("datasets", sa.Column("experiment", sa.Text()))


def downgrade():
    op.drop_column("datasets", "experiment")

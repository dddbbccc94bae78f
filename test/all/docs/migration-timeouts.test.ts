import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { isInstalled } from '../../cli/migrate/installed-tools.ts'
import { migrate } from '../../cli/migrate/migrations.ts'
import { forgetTransaction, withoutWhatDiffers } from '../../docs/incident.ts'
import { shown } from '../../docs/page.ts'
import { useDatabase } from '../../support/database.ts'

const db = useDatabase()
const scrubbed = (text: string) => withoutWhatDiffers(text, db.name)

beforeEach(async () => {
  await db.query('DROP TABLE IF EXISTS datasets')
  await db.query('CREATE TABLE datasets (id int, name text)')
})

it.runIf(isInstalled('alembic'))(
  'docs/migration-timeouts.md shows what migrate prints beside alembic',
  async () => {
    await forgetTransaction(db)
    const free = ['--free', 'idle-in-transaction:0']
    const command = migrate(db, free, ['alembic', 'upgrade', 'head'], {
      cwd: join(import.meta.dirname, '../cli/migrate/tools/alembic'),
      env: { PYTHONDONTWRITEBYTECODE: '1' },
    })
    expect(await command.ended, command.err()).toMatchObject({ code: 0 })
    expect(scrubbed(command.err().trimEnd())).toBe(
      scrubbed(shown('docs/migration-timeouts.md', 'get-the-migration-through')[0] ?? ''),
    )
  },
)

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { isClientGone } from '../../../../src/cli/migrate/sessions/client-end.ts'
import { connectControl, type QueryClient, serverSnapshot } from '../../../../src/postgres/index.ts'
import { openSession } from '../../../postgres/sessions.ts'
import { useDatabase } from '../../../support/database.ts'
import { eventually } from '../../../support/eventually.ts'
import { environmentOf } from '../migrations.ts'

const db = useDatabase()

async function sessionNamed(client: QueryClient, name: string) {
  const { sessions } = await serverSnapshot(client)
  const found = sessions.find(({ application }) => application === name)
  if (found === undefined) throw new Error(`no session is named ${name}`)
  return found
}

describe.runIf(process.platform === 'linux')('the client of a session', () => {
  it('is gone once its process was killed, though the server has not noticed', async () => {
    await using control = await connectControl({ url: db.url, env: {} })
    const holder = await openSession(db, 'holder')
    await holder.run('BEGIN; LOCK TABLE items')
    const script = `
      import pg from 'pg'
      const client = new pg.Client({ application_name: 'killed' })
      await client.connect()
      await client.query('BEGIN; LOCK TABLE items')`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      env: { ...process.env, ...environmentOf(db) },
      stdio: 'ignore',
    })
    onTestFinished(() => void child.kill('SIGKILL'))
    const session = await eventually(async () => {
      const found = await sessionNamed(control, 'killed')
      if (found.waitEventType !== 'Lock') throw new Error('it does not wait')
      return found
    })
    expect(await isClientGone(control, session)).toBe(false)
    child.kill('SIGKILL')
    await once(child, 'exit')
    await eventually(async () => expect(await isClientGone(control, session)).toBe(true))
    expect((await sessionNamed(control, 'killed')).pid).toBe(session.pid)
    await db.terminate(session.pid)
  })

  it('is not said to be gone where the server sees other addresses, or somebody else is there', async () => {
    await using control = await connectControl({ url: db.url, env: {} })
    await openSession(db, 'alive')
    const session = await sessionNamed(control, 'alive')
    expect(await isClientGone(control, session)).toBe(false)
    const strange = { ...session, clientPort: 1 }
    expect(await isClientGone(control, strange)).toBe(true)
    expect(await isClientGone(control, { ...strange, clientAddress: '10.0.0.7' })).toBe(false)
    const { clientPort: _, ...local } = { ...strange, clientAddress: 'local' }
    expect(await isClientGone(control, local)).toBe(false)
    // Behind a translation, even our own connection is not what it is here.
    const translated: QueryClient = { query: async () => ({ rows: [{ address: '127.0.0.1', port: 2 }] }) }
    expect(await isClientGone(translated, strange)).toBe(false)
  })
})

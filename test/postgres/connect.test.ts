import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { connectionSettings } from '../../src/postgres/connection-settings.ts'
import { ConnectionError, connectControl, safetyNets, serverSnapshot } from '../../src/postgres/index.ts'
import { useDatabase } from '../support/database.ts'
import { eventually } from '../support/eventually.ts'
import { startProxy } from '../support/tcp-proxy.ts'
import { openSession } from './sessions.ts'

const db = useDatabase()

describe('the control connection', () => {
  it('is read only, has timeouts, and a name', async () => {
    await using control = await connectControl({
      url: db.url,
      env: {},
      lockMillis: 1_234,
      statementMillis: 4_321,
    })
    expect(control.isPooled).toBe(false)
    const { rows } = await control.query(
      `SELECT current_setting('lock_timeout') AS lock, current_setting('statement_timeout') AS statement,
              current_setting('application_name') AS name, pg_backend_pid() AS pid`,
    )
    expect(rows).toEqual([{ lock: '1234ms', statement: '4321ms', name: 'pg-lifeguard', pid: control.pid }])
    await expect(control.query('CREATE TABLE t (id int)')).rejects.toMatchObject({ code: '25006' })
    // A statement that fails leaves the connection as it was.
    expect((await serverSnapshot(control)).server.database).toBe(db.name)
  })

  it('waits for nobody where transactions are serializable and deferrable by default', async () => {
    const writer = await openSession(db, 'writer')
    await writer.run('BEGIN ISOLATION LEVEL SERIALIZABLE; INSERT INTO items DEFAULT VALUES')
    const PGOPTIONS = '-c default_transaction_isolation=serializable -c default_transaction_deferrable=on'
    await using control = await connectControl({ url: db.url, env: { PGOPTIONS }, statementMillis: 5_000 })
    const { sessions } = await serverSnapshot(control)
    expect(sessions.map(({ pid }) => pid)).toContain(writer.pid)
  })

  it('is not ended by a transaction timeout of its role, as PostgreSQL 17 and later have', async ({
    skip,
  }) => {
    const ask = "SELECT setting FROM pg_settings WHERE name = 'transaction_timeout'"
    if ((await db.query(ask)).rows.length === 0) skip()
    const PGOPTIONS = '-c transaction_timeout=10s'
    await using control = await connectControl({ url: db.url, env: { PGOPTIONS } })
    expect((await control.query(ask)).rows).toEqual([{ setting: '0' }])
  })

  it('tells a lost connection, and is closed then', async () => {
    const control = await connectControl({ url: db.url, env: {} })
    await db.terminate(control.pid)
    expect(await control.closed).toBeInstanceOf(ConnectionError)
    await expect(control.query('SELECT 1')).rejects.toBeInstanceOf(ConnectionError)
    await control.close()
  })

  it('gives up on a server that does not answer', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    onTestFinished(() => void silent.close())
    const { port } = silent.address() as { port: number }
    await expect(
      connectControl({ url: `postgres://u:hunter22@127.0.0.1:${port}/db`, env: {}, connectMillis: 200 }),
    ).rejects.toMatchObject({ name: 'ConnectionError', reason: 'ETIMEDOUT' })
  })

  it('gives up on an answer that does not come', async () => {
    const proxy = await startProxy(db.config.port)
    onTestFinished(() => proxy.close())
    const control = await connectControl({ url: proxy.url(db.url), env: {}, statementMillis: 100 })
    proxy.freeze()
    await expect(control.query('SELECT 1')).rejects.toMatchObject({
      name: 'ConnectionError',
      reason: 'ETIMEDOUT',
    })
    await control.close()
  })

  it('is over soon after close(), also where the network swallows everything', async () => {
    const proxy = await startProxy(db.config.port)
    onTestFinished(() => proxy.close())
    const control = await connectControl({ url: proxy.url(db.url), env: {} })
    proxy.freeze()
    await control.close()
    expect(await control.closed).toBeUndefined()
  })

  it('still sees who blocks whom when pg_class is locked, without the names', async () => {
    await using control = await connectControl({ url: db.url, env: {}, lockMillis: 200 })
    const [holder, waiting] = [await openSession(db, 'holder'), await openSession(db, 'waiting')]
    await serverSnapshot(control)
    await holder.run('BEGIN; LOCK TABLE items; LOCK TABLE pg_class')
    void waiting.client.query('LOCK TABLE pg_class').catch(() => {})
    void waiting.client.query('SELECT FROM items').catch(() => {})
    const snapshot = await eventually(async () => {
      const taken = await serverSnapshot(control)
      expect(taken.blocks.length).toBeGreaterThan(0)
      return taken
    })
    expect(snapshot.waits[0]?.target).toMatch(/relation \d+|pg_class/)
    await expect(connectControl({ url: db.url, env: {}, connectMillis: 500 })).rejects.toMatchObject({
      reason: 'ETIMEDOUT',
    })
  })

  it('says that there is no password where the server asks for one', async () => {
    const url = new URL(db.url)
    url.password = ''
    const env = { PGPASSFILE: '/nowhere' }
    await expect(connectControl({ url: url.href, env })).rejects.toThrow(
      /: the server asks for a password, and there is none\nset PGPASSWORD or ~\/\.pgpass/,
    )
  })

  it('calls the user by its name, also where the password is the same', async () => {
    const url = new URL(db.url)
    Object.assign(url, { username: 'postgres', password: 'postgres' })
    const refused = await connectControl({ url: url.href, env: {} }).catch((error: unknown) => error)
    expect(String(refused)).toContain('as postgres: ')
    expect(String(refused)).toContain('failed for user "***"')
  })

  it('never prints the password', async () => {
    const wrong = new URL(db.url)
    wrong.password = 'hunter22'
    const errors = [
      await connectControl({ url: wrong.href, env: {} }).catch((error: Error) => error),
      await connectControl({ url: 'postgres://u:hunter22@127.0.0.1:1/db', env: {} }).catch(
        (error: Error) => error,
      ),
      await connectControl({ url: 'postgres://u:hunter22@[bad/db', env: {} }).catch((error: Error) => error),
      await connectControl({ url: 'postgres://u:%E0%A4hunter22@h/db', env: {} }).catch(
        (error: Error) => error,
      ),
    ]
    const reasons = errors.map((error) => {
      const { reason, code } = error as { reason?: string; code?: string }
      return reason ?? code
    })
    expect(reasons).toEqual(['28P01', 'ECONNREFUSED', 'LIFEGUARD_OPTION', 'LIFEGUARD_OPTION'])
    for (const error of errors)
      expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('hunter22')
  })
})

describe('connection settings', () => {
  it.each([
    [
      'postgres://u:p%40ss@db.example.com:6000/shop?sslmode=require',
      { host: 'db.example.com', port: 6000, user: 'u', password: 'p@ss', database: 'shop', ssl: 'require' },
    ],
    [
      'postgresql://u@/shop?host=/run/pg',
      { host: '/run/pg', port: 5432, user: 'u', database: 'shop', ssl: 'prefer' },
    ],
    ['postgres://u@[::1]:5433', { host: '::1', port: 5433, user: 'u', database: 'u', ssl: 'prefer' }],
  ])('reads %s', (url, expected) => {
    expect(connectionSettings({ url, env: {} })).toEqual(expected)
  })

  it.each([
    [
      { url: 'postgres://u:hunter22@a:1,b:2/shop' },
      'url must name one host, not a list, got a text that is not shown',
    ],
    [{ env: { DATABASE_URL: 'postgres://a,b' } }, 'DATABASE_URL must name one host, not a list'],
    [{ env: { PGHOST: 'a,b', PGPORT: '1,2' } }, 'host must be one host, not a list, got "a,b"'],
  ])('takes one server, not a list of them: %j', (options, message) => {
    expect(() => connectionSettings({ env: {}, ...options })).toThrow(message)
  })

  it('takes a comma elsewhere for what it is', () => {
    expect(connectionSettings({ url: 'postgres://u:p,w@h/a,b', env: {} })).toMatchObject({
      host: 'h',
      password: 'p,w',
      database: 'a,b',
    })
  })

  it('takes what the URL leaves out from the environment, and DATABASE_URL before PGHOST', () => {
    const env = {
      PGHOST: 'h',
      PGPORT: '1',
      PGUSER: 'eu',
      PGPASSWORD: 'pw',
      PGDATABASE: 'ed',
      PGSSLMODE: 'disable',
    }
    expect(connectionSettings({ env })).toEqual({
      host: 'h',
      port: 1,
      user: 'eu',
      password: 'pw',
      database: 'ed',
      ssl: 'disable',
    })
    expect(connectionSettings({ env: { ...env, DATABASE_URL: 'postgres://a@b/c' } })).toMatchObject({
      host: 'b',
      user: 'a',
      database: 'c',
    })
    expect(connectionSettings({ env, database: 'other' }).database).toBe('other')
  })

  it('reads the service file', () => {
    const folder = mkdtempSync(join(tmpdir(), 'pg-lifeguard-test-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const file = join(folder, 'services')
    writeFileSync(
      file,
      '# ours\n[other]\nhost=wrong\n\n[shop]\nhost = db.example.com\nport=5555\ndbname=shop\n',
    )
    const env = { PGSERVICEFILE: file, PGSERVICE: 'shop', PGUSER: 'u', PGHOST: 'ignored' }
    expect(connectionSettings({ env })).toEqual({
      host: 'db.example.com',
      port: 5555,
      database: 'shop',
      user: 'u',
      ssl: 'prefer',
    })
    expect(() => connectionSettings({ env: { ...env, PGSERVICE: 'missing' } })).toThrow(
      /section of .*services/,
    )
  })
})

describe('a file that a setting names', () => {
  it.each(['sslrootcert', 'sslcert', 'sslkey'])(
    'is asked for again when it is not there: %s',
    async (name) => {
      const url = `${db.url}?sslmode=require&${name}=/nowhere/at.all`
      await expect(connectControl({ url, env: {} })).rejects.toThrow(
        `${name} must be a file that can be read (ENOENT), got "/nowhere/at.all"`,
      )
    },
  )

  it('is asked for again when it is a folder', () => {
    const env = { PGSERVICEFILE: tmpdir(), PGSERVICE: 'shop' }
    expect(() => connectionSettings({ env })).toThrow('service file must be a file that can be read (EISDIR)')
  })

  it('is no file where it says `system`: its certificates are trusted, for the right host only', async () => {
    const env = { PGSSLROOTCERT: 'system' }
    expect(connectionSettings({ url: db.url, env }).ssl).toBe('verify-full')
    // The server under test has no TLS: it comes to that.
    await expect(connectControl({ url: db.url, env })).rejects.toThrow('does not support SSL')
  })
})

describe('safety nets', () => {
  it('tells what new sessions get, not what the control connection has set for itself', async () => {
    await using control = await connectControl({ url: db.url, env: {} })
    const before = await safetyNets(control)
    const net = (nets: typeof before, name: string) => nets.find(({ setting }) => setting === name)
    expect(net(before, 'statement_timeout')).toMatchObject({ value: '0', isOn: false })
    const statement = net(before, 'idle_in_transaction_session_timeout')?.statement ?? ''
    expect(statement).toBe(`ALTER DATABASE ${db.name} SET idle_in_transaction_session_timeout = '60s';`)
    for (const { statement, isOn } of before)
      if (!isOn && statement.startsWith('ALTER DATABASE')) await db.query(statement)
    const after = await safetyNets(control)
    expect(after.filter(({ isOn }) => !isOn).map(({ setting }) => setting)).toEqual(
      before
        .filter(({ isOn, statement }) => !isOn && statement.startsWith('ALTER SYSTEM'))
        .map(({ setting }) => setting),
    )
  })
})

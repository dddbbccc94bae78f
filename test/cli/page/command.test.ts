import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardHandler } from '../../../src/http/node.ts'
import { createLifeguard } from '../../../src/index.ts'
import { ask, type Change, follow, listen } from '../../page/visitor.ts'
import { openSession } from '../../postgres/sessions.ts'
import { useDatabase } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { pgLifeguard } from '../command-line.ts'
import { spawnLifeguard } from '../spawned.ts'

const db = useDatabase()

/** A running page, and a browser's key to it. */
async function startPage(...args: string[]) {
  const command = spawnLifeguard(['page', ...args], { env: { DATABASE_URL: db.url } })
  await command.printed(/#token=\S+/)
  const [, port = '', token = ''] = /127\.0\.0\.1:(\d+)\/#token=(\S+)/.exec(command.out()) ?? []
  const post = (path: string, body: object, headers = {}) =>
    ask(Number(port), path, {
      method: 'POST',
      headers: { host: `127.0.0.1:${port}`, 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  const { key } = JSON.parse((await post('/session', { token })).text) as { key: string }
  const authorization = { authorization: `Bearer ${key}` }
  return {
    command,
    port: Number(port),
    state: async () => {
      const { text } = await ask(Number(port), '/state', {
        headers: { host: `127.0.0.1:${port}`, ...authorization },
      })
      return (JSON.parse(text) as { sections: NonNullable<Change['set']> }).sections
    },
    follow: () => follow(Number(port), '/events', { host: `127.0.0.1:${port}`, ...authorization }),
    act: (path: string, body: object) => post(path, body, authorization),
  }
}

interface Report {
  readonly roots: readonly string[]
}

describe('pg-lifeguard page', () => {
  it('shows who blocks whom without any application, and ends the root after a preview', async () => {
    const holder = await openSession(db, 'holder')
    await holder.run('CREATE TABLE paged (id int)')
    await holder.run('BEGIN; LOCK TABLE paged')
    const waiter = await openSession(db, 'waiter')
    const { outcome } = await waiter.waitsFor('SELECT * FROM paged')
    const page = await startPage()
    await eventually(async () => {
      const { server, head } = await page.state()
      expect(head?.page).toMatchObject({ canEnd: true, title: expect.stringContaining(db.name) })
      expect((server?.server?.report as Report | undefined)?.roots).toContain(`pid ${holder.pid}`)
    })
    const preview = JSON.parse((await page.act('/preview', { pid: holder.pid })).text)
    expect(preview).toMatchObject({ pid: holder.pid, ticket: expect.any(String) })
    expect(preview.text).toContain(`1 session is freed: pid ${waiter.pid}`)
    const { status, text } = await page.act('/end', { ticket: preview.ticket })
    expect(status).toBe(200)
    expect(JSON.parse(text).text).toContain('ended')
    expect(JSON.parse(text).text).toContain('1 session that waited is free.')
    expect(await outcome).toBeUndefined()
    expect((await page.act('/end', { ticket: preview.ticket })).status).toBe(409)
    expect(page.command.out()).toContain(`from the page: pid ${holder.pid}  ended`)
  })

  it('joins guarded services with the server, and goes on when one is away', async () => {
    const lifeguard = createLifeguard({ reporters: [], timeline: {} })
    const pool = new pg.Pool({ ...db.config, application_name: 'orders' })
    lifeguard.watch(pool, { name: 'main' })
    onTestFinished(async () => {
      await lifeguard.close()
      await pool.end()
    })
    const appPort = await listen(lifeguardHandler(lifeguard))
    const app = `http://127.0.0.1:${appPort}/lifeguard`
    const nowhere = 'http://127.0.0.1:9/lifeguard'
    await lifeguard.runInScope({ kind: 'request', name: 'GET /orders/:id' }, async () => {
      const client = await pool.connect()
      await client.query('BEGIN')
      const page = await startPage('--app', app, '--app', nowhere)
      const sections = await eventually(async () => {
        const seen = await page.state()
        expect(seen.checkouts).toBeDefined()
        expect(seen.apps?.['127.0.0.1:9']?.lost).toBeDefined()
        return seen
      })
      expect(sections.apps?.[`127.0.0.1:${appPort}`]).toEqual({ id: `127.0.0.1:${appPort}` })
      expect(sections.pools).toMatchObject({ [`127.0.0.1:${appPort}/main`]: { out: 1 } })
      expect(Object.values(sections.checkouts ?? {})).toMatchObject([
        {
          route: 'GET /orders/:id',
          place: expect.stringMatching(/^test\/cli\/page\/command\.test\.ts:\d+$/),
        },
      ])
      await client.query('ROLLBACK')
      client.release()
    })
  })

  it('ends with Ctrl-C, and leaves no connection', async () => {
    const { command, follow: open } = await startPage()
    await (await open()).next()
    command.process.kill('SIGINT')
    expect(await command.ended).toMatchObject({ code: 0 })
  })

  it('needs a server at its start, and a port that is free', async () => {
    const url = 'postgres://127.0.0.1:9/nowhere'
    expect(await pgLifeguard(['page'], { url })).toMatchObject({ code: 3 })
    expect(await pgLifeguard(['page', '--port', '70000'], { url: db.url })).toMatchObject({ code: 2 })
    const taken = await listen(() => {})
    const { code, err } = await pgLifeguard(['page', '--port', String(taken)], { url: db.url })
    expect(code).toBe(2)
    expect(err).toContain(`Port ${taken} is in use`)
  })
})

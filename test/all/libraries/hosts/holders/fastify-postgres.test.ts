import fastifyPostgres from '@fastify/postgres'
import { type FastifyInstance, fastify } from 'fastify'
import type pg from 'pg'
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { lifeguardPlugin } from '../../../../../src/http/fastify.ts'
import {
  createLifeguard,
  type Finding,
  type LifeguardOptions,
  manualClock,
} from '../../../../../src/index.ts'
import { useDatabase } from '../../../../support/database.ts'
import { eventually } from '../../../../support/eventually.ts'
import { hereLine } from '../../../../support/guarded-pool.ts'
import { endSessions } from '../../support/guard.ts'

const db = useDatabase()
beforeEach(() => db.query('TRUNCATE items'))

/** What may be given to `watch`: the plugin has bound the methods of the pool before. */
const attachments = ['app.pg', 'app.pg.pool'] as const
const modes = ['observe', 'enforce'] as const
const ways = attachments.flatMap((attached) => modes.map((mode) => ({ attached, mode })))

interface Leak {
  readonly line: number
  /** Where the first statement is sent. */
  readonly firstLine: number
}

/** Routes that leak, each in its own way, and their correct twins under `/right`. */
function addRoutes(app: FastifyInstance): Record<string, Leak> {
  const connect = { line: hereLine(2), firstLine: hereLine(3) }
  app.get('/connect/:id', async () => {
    const client = await app.pg.connect()
    await client.query('BEGIN')
    return 'answered'
  })
  const query = { line: hereLine(2), firstLine: hereLine(2) }
  app.get('/query/:id', async () => {
    await app.pg.query('BEGIN')
    return 'answered'
  })
  const transact = { line: hereLine(3), firstLine: hereLine(3) }
  app.get('/transact/:id', async () => {
    await new Promise<void>((resolve) => {
      void app.pg.transact(async (client) => {
        await client.query("INSERT INTO items (note) VALUES ('left')")
        resolve()
        await new Promise(() => {})
      })
    })
    return 'answered'
  })
  const option = { line: hereLine(2), firstLine: hereLine(2) }
  app.get('/option/:id', { pg: { transact: true } }, async (request, reply) => {
    await request.pg?.query("INSERT INTO items (note) VALUES ('left')")
    // The hook that commits and releases is never reached.
    reply.hijack()
    reply.raw.end('answered')
  })

  app.get('/right/connect', async () => {
    const client = await app.pg.connect()
    try {
      return (await client.query('SELECT 1 AS one')).rows
    } finally {
      client.release()
    }
  })
  app.get('/right/callback', (_request, reply) => {
    app.pg.connect((_error, client, release) => {
      client?.query('SELECT 1 AS one', (_failure, result) => {
        release()
        void reply.send(result.rows)
      })
    })
  })
  app.get('/right/query', async () => (await app.pg.query('SELECT 1 AS one')).rows)
  app.get('/right/transact', () =>
    app.pg.transact(async (client) => {
      await client.query("INSERT INTO items (note) VALUES ('kept')")
      return 'answered'
    }),
  )
  app.get('/right/failure', () =>
    app.pg.transact(async (client) => {
      await client.query("INSERT INTO items (note) VALUES ('not kept')")
      throw new Error('changed its mind')
    }),
  )
  app.get('/right/option', { pg: { transact: true } }, async (request) => {
    await request.pg?.query("INSERT INTO items (note) VALUES ('kept')")
    return 'answered'
  })
  return { connect, query, transact, option }
}

describe.each(ways)('@fastify/postgres, watch($attached) in $mode', ({ attached, mode }) => {
  it.each(['connect', 'query', 'transact', 'option'])(
    'a leak through %s is found at its line, with its route',
    async (way) => {
      const { app, clock, findings, leaks } = await service({ attached, options: { mode } })
      expect((await app.inject(`/${way}/7`)).body).toBe('answered')
      const finding = await eventually(() => {
        clock.advance(500)
        const [first] = findings
        if (first === undefined) throw new Error('nothing is found yet')
        return first
      })
      expect(finding).toMatchObject({
        kind: way === 'query' ? 'dirty-release' : 'outlived-scope',
        scope: { kind: 'request', name: `GET /${way}/:id` },
        origin: { file: import.meta.filename },
      })
      const leak = leaks[way]
      expect(finding.origin?.line).toBe(attached === 'app.pg' ? leak?.line : leak?.firstLine)
      expect(findings).toHaveLength(1)
    },
  )

  it.each(['raw', 'checked'] as const)('correct use gives no finding, handles %s', async (handles) => {
    const { app, clock, lifeguard, findings } = await service({ attached, options: { mode, handles } })
    const paths = ['connect', 'callback', 'query', 'transact', 'failure', 'option']
    const answers = await Promise.all([...paths, ...paths].map((path) => app.inject(`/right/${path}`)))
    expect(answers.map(({ statusCode }) => statusCode).toSorted()).toEqual([...Array(10).fill(200), 500, 500])
    // The plugin answers before its ROLLBACK is answered.
    await eventually(() => expect(lifeguard.snapshot().checkouts).toEqual([]))
    clock.advance(60_000)
    expect(findings).toEqual([])
    expect((await db.query('SELECT note FROM items')).rows).toEqual(Array(4).fill({ note: 'kept' }))
  })
})

describe.each(attachments)('@fastify/postgres, watch(%s)', (attached) => {
  it.each(['connect', 'transact', 'option'])(
    'in enforce, a pool of two full of leaks through %s answers 20 of 20',
    async (way) => {
      const options = { mode: 'enforce', limits: { idleTransactionMillis: false } } as const
      const { app, clock, lifeguard } = await service({ attached, options, max: 2 })
      let answered = 0
      const all = Promise.all(
        Array.from({ length: 20 }, async (_, index) => {
          const { body } = await app.inject(`/${way}/${index}`)
          if (body === 'answered') answered += 1
        }),
      )
      await eventually(() => {
        clock.advance(500)
        expect(answered).toBe(20)
      })
      await all
      await eventually(() => {
        clock.advance(500)
        expect(lifeguard.snapshot().checkouts).toEqual([])
      })
      expect((await db.query('SELECT * FROM items')).rows).toEqual([])
    },
  )

  it('is taken off again', async () => {
    const app = await plainService()
    const { connect, query } = app.pg
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    const unwatch = lifeguard.watch(attached === 'app.pg' ? app.pg : app.pg.pool)
    // A copy is made by the plugin itself, where one without a name is registered after one with a name.
    expect(Object.keys({ ...app.pg })).toEqual(['connect', 'pool', 'Client', 'query', 'transact'])
    const during = app.pg.connect
    unwatch()
    expect(app.pg.connect).toBe(connect)
    expect(app.pg.query).toBe(query)
    const client = await during()
    expect(lifeguard.snapshot().checkouts).toEqual([])
    client.release()
  })
})

describe('@fastify/postgres with names', () => {
  it('has a pool for each name, and one without', async () => {
    const app = await plainService()
    await app.register(fastifyPostgres, { ...db.config, name: 'reports' })
    if (app.pg.reports !== undefined) tolerateEnds(app.pg.reports.pool)
    const lifeguard = createLifeguard({ reporters: [] })
    onTestFinished(() => lifeguard.close())
    lifeguard.watch(app.pg, { name: 'main' })
    expect(lifeguard.snapshot().pools.map(({ name }) => name)).toEqual(['main', 'main-reports'])
    const client = await app.pg.reports?.connect()
    expect(lifeguard.snapshot().checkouts).toMatchObject([
      { pool: 'main-reports', origin: { file: import.meta.filename, line: hereLine(-2) } },
    ])
    client?.release()
  })

  it('finds the leak of a route that asks for the transaction of a name', async () => {
    const app = openApp()
    const { lifeguard, clock, findings } = guard({})
    await app.register(lifeguardPlugin, { lifeguard })
    await app.register(fastifyPostgres, { ...db.config, name: 'reports' })
    await app.register(fastifyPostgres, { ...db.config, name: 'orders' })
    lifeguard.watch(app.pg)
    if (app.pg.reports !== undefined) tolerateEnds(app.pg.reports.pool)
    app.get('/option/:id', { pg: { transact: 'reports' } }, async (request, reply) => {
      const clients = request.pg as unknown as Record<string, { query(sql: string): Promise<unknown> }>
      await clients.reports?.query('SELECT 1')
      reply.hijack()
      reply.raw.end('answered')
    })
    await app.inject('/option/7')
    await eventually(() => {
      clock.advance(500)
      expect(findings).toMatchObject([{ pool: 'pool-reports', scope: { name: 'GET /option/:id' } }])
    })
  })
})

async function plainService(max = 10): Promise<FastifyInstance> {
  const app = openApp()
  await app.register(fastifyPostgres, { ...db.config, max })
  tolerateEnds(app.pg.pool)
  return app
}

/** Tests leave clients out, for which the end of the pool would wait. */
function openApp(): FastifyInstance {
  const app = fastify()
  onTestFinished(async () => {
    void app.close()
    await endSessions(db)
  })
  return app
}

/** Nobody else listens to a client that is out when its session is ended. */
function tolerateEnds(pool: pg.Pool): void {
  pool.on('error', () => {})
  const ignore = () => {}
  pool.on('acquire', (client) => client.removeListener('error', ignore).on('error', ignore))
}

function guard(options: LifeguardOptions) {
  const clock = manualClock()
  const lifeguard = createLifeguard({ clock, reporters: [], ...options })
  onTestFinished(() => lifeguard.close())
  const findings: Finding[] = []
  lifeguard.on('finding', (finding) => findings.push(finding))
  return { clock, lifeguard, findings }
}

async function service({
  attached,
  options = {},
  max = 10,
}: {
  attached: (typeof attachments)[number]
  options?: LifeguardOptions
  max?: number
}) {
  const guarded = guard(options)
  const { lifeguard } = guarded
  const app = openApp()
  await app.register(lifeguardPlugin, { lifeguard })
  await app.register(fastifyPostgres, { ...db.config, max })
  tolerateEnds(app.pg.pool)
  lifeguard.watch(attached === 'app.pg' ? app.pg : app.pg.pool, { name: 'main' })
  const leaks = addRoutes(app)
  return { app, leaks, ...guarded }
}

import { EventEmitter } from 'node:events'
import pg from 'pg'
import type { SlonikConfiguration, SlonikConnection, SlonikDriver } from '../../../src/hosts/slonik/types.ts'

interface Interceptor {
  readonly name: string
  beforePoolConnection?(context: object): unknown
  afterPoolConnection?(context: object, connection: object): unknown
  beforePoolConnectionRelease?(context: object, connection: object): unknown
}

export interface ToyConfiguration extends SlonikConfiguration {
  interceptors: readonly Interceptor[]
  readonly driverFactory?: (options: { readonly driverConfiguration: ToyConfiguration }) => Promise<object>
}

export type ToySlonik = Awaited<ReturnType<typeof createToySlonik>>

/** What work gets: its `connection` is what the guard looks behind. */
export class ToyOwner {
  readonly connection: SlonikConnection

  constructor(connection: SlonikConnection) {
    this.connection = connection
  }

  query(text: string): Promise<unknown> {
    return this.connection.query(text)
  }
}

/** Makes drivers whose clients nobody else can reach, as Slonik's own do. `end`: what becomes of each. */
export function toyDriverFactory(config: pg.ClientConfig, made: (client: pg.Client) => void = () => {}) {
  return async (): Promise<SlonikDriver> => ({
    createClient: async () => {
      const client = new pg.Client(config)
      client.on('error', () => {})
      made(client)
      await client.connect()
      return toyConnection(client)
    },
  })
}

/** A connection of a driver over a client, or anything else that answers. */
export function toyConnection(client: {
  query(text: string): Promise<unknown>
  end(): Promise<void>
}): SlonikConnection {
  const events = new EventEmitter()
  let state: ReturnType<SlonikConnection['state']> = 'IDLE'
  return {
    state: () => state,
    acquire() {
      state = 'ACQUIRED'
    },
    async release() {
      if (state === 'DESTROYED') return
      state = 'PENDING_RELEASE'
      await client.query('DISCARD ALL')
      state = 'IDLE'
      events.emit('release')
    },
    async destroy() {
      if (state === 'DESTROYED') return
      state = 'DESTROYED'
      events.emit('destroy')
      await client.end()
    },
    query: async (text) => {
      if (state === 'DESTROYED') throw new Error('Client is destroyed.')
      return client.query(text)
    },
    stream: () => new EventEmitter(),
    on: (event, listener) => events.on(event, listener),
    removeListener: (event, listener) => events.removeListener(event, listener),
  }
}

/** A pool in the manner of Slonik: it hands out copies of its driver's connections, and tells interceptors of it. */
export async function createToySlonik(
  given: Omit<ToyConfiguration, 'interceptors'> & Partial<ToyConfiguration>,
) {
  const configuration: ToyConfiguration = { interceptors: [], maxPoolSize: 2, ...given }
  const { driverFactory, maxPoolSize = 2 } = configuration
  if (driverFactory === undefined) throw new Error('the toy has no driver of its own')
  const driver = (await driverFactory({ driverConfiguration: configuration })) as SlonikDriver
  const all = new Set<SlonikConnection>()
  const waiting: ((connection: SlonikConnection) => void)[] = []
  let connecting = 0

  async function open(): Promise<SlonikConnection> {
    connecting += 1
    try {
      const connection = { ...(await driver.createClient()) }
      all.add(connection)
      connection.on('release', () => waiting.shift()?.(connection))
      connection.on('destroy', () => {
        all.delete(connection)
        if (waiting.length > 0 && all.size + connecting < maxPoolSize)
          void open().then((opened) => waiting.shift()?.(opened))
      })
      return connection
    } finally {
      connecting -= 1
    }
  }

  async function acquire(): Promise<SlonikConnection> {
    const idle = [...all].find((connection) => connection.state() === 'IDLE')
    const acquired = idle ?? (all.size + connecting < maxPoolSize ? await open() : await queued())
    acquired.acquire()
    return acquired
  }

  const queued = () => new Promise<SlonikConnection>((resolve) => waiting.push(resolve))

  async function connect<Result>(work: (owner: ToyOwner) => Promise<Result>): Promise<Result> {
    const context = {}
    for (const interceptor of configuration.interceptors) await interceptor.beforePoolConnection?.(context)
    const connection = await acquire()
    const owner = new ToyOwner(connection)
    for (const interceptor of configuration.interceptors)
      await interceptor.afterPoolConnection?.(context, owner)
    try {
      return await work(owner)
    } catch (error) {
      await connection.destroy()
      throw error
    } finally {
      if (connection.state() === 'ACQUIRED') {
        for (const interceptor of configuration.interceptors)
          await interceptor.beforePoolConnectionRelease?.(context, owner)
        await connection.release()
      }
    }
  }

  const count = (state: string) => [...all].filter((connection) => connection.state() === state).length
  return {
    configuration,
    connect,
    any: (text: string) => connect((owner) => owner.query(text)),
    transaction: <Result>(work: (owner: ToyOwner) => Promise<Result>) =>
      connect(async (owner) => {
        await owner.query('START TRANSACTION')
        try {
          const result = await work(owner)
          await owner.query('COMMIT')
          return result
        } catch (error) {
          await owner.query('ROLLBACK')
          throw error
        }
      }),
    state: () => ({
      acquiredConnections: count('ACQUIRED'),
      idleConnections: count('IDLE'),
      pendingConnections: connecting,
      pendingReleaseConnections: count('PENDING_RELEASE'),
      waitingClients: waiting.length,
    }),
    end: async () => void (await Promise.all([...all].map((connection) => connection.destroy()))),
  }
}

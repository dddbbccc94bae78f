import { createRequire } from 'node:module'
import pg from 'pg'

export interface PoolSettings extends pg.PoolConfig {
  /** Called with every client that the pool makes, in this order. */
  readonly onClient: (client: pg.Client) => void
  /** Called with every text that reaches a client, the guard's own included. */
  readonly onQuery: (client: pg.Client, text: string) => void
}

export interface Driver {
  readonly version: string
  /** Whether it has pipeline mode. */
  readonly pipelines: boolean
  pool(settings: PoolSettings): pg.Pool
}

const load = createRequire(import.meta.url)

function driver(version: string, implementation: typeof pg, pipelines: boolean): Driver {
  return {
    version,
    pipelines,
    pool({ onClient, onQuery, ...config }) {
      const original = implementation.Client.prototype.query as (...args: unknown[]) => unknown
      class OverheardClient extends implementation.Client {
        constructor(...args: ConstructorParameters<typeof pg.Client>) {
          super(...args)
          onClient(this)
        }
      }
      Object.defineProperty(OverheardClient.prototype, 'query', {
        configurable: true,
        writable: true,
        value(this: pg.Client, ...args: unknown[]) {
          onQuery(this, textOf(args[0]))
          return Reflect.apply(original, this, args)
        },
      })
      return new implementation.Pool({ ...config, Client: OverheardClient } as pg.PoolConfig)
    },
  }
}

function textOf(config: unknown): string {
  return typeof config === 'string' ? config : String((config as { text?: unknown }).text)
}

/** The present driver most of all; before 8.21 it does not tell the state of a transaction. */
export const drivers: readonly Driver[] = [
  driver('pg', pg, true),
  driver('pg', pg, true),
  driver('pg', pg, true),
  driver('pg 8.20', load('pg-8.20') as typeof pg, false),
  driver('pg 8.11', load('pg-8.11') as typeof pg, false),
]

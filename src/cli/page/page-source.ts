import { addItem, type PageItems } from '../../page/view/items.ts'
import { ServerWatch } from '../../page/view/server-watch.ts'
import type { ControlConnection } from '../../postgres/index.ts'
import type { QueryTextMode } from '../../sql/redaction.ts'
import { FleetMember } from './fleet-member.ts'

export interface PageSourceOptions {
  /** The readable server, for the title. */
  readonly target: string
  connect(): Promise<ControlConnection>
  readonly queryText: QueryTextMode
  /** Shows only this database. */
  readonly database?: string
  /** URLs of guarded services. */
  readonly apps: readonly string[]
  readonly token: string | undefined
}

export interface PageSource extends AsyncDisposable {
  read(): PageItems
}

const keepMillis = 900_000

/** The server and the guarded services as items of the page. All are asked only while somebody reads. */
export function pageSource(options: PageSourceOptions): PageSource {
  const { target, connect, queryText, database, apps, token } = options
  const server = new ServerWatch({ connect, queryText, ...(database === undefined ? {} : { database }) })
  const isFleet = apps.length > 1
  const members = apps.map((url) => new FleetMember(url, { token, isFleet }))
  const since = Date.now()
  return {
    read() {
      const items: PageItems = new Map()
      const [only, ...more] = members
      const title = only === undefined || more.length > 0 ? target : only.name
      addItem(items, 'head', 'page', { title, canEnd: true, keepMillis, since })
      for (const member of members) member.addTo(items)
      server.addTo(items)
      return items
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([server.close(), ...members.map((member) => member.close())])
    },
  }
}

import { AsyncResource } from 'node:async_hooks'
import type { PageItems } from '../view/items.ts'

/** One reader of the feed. */
export interface FeedSink {
  /** @returns false if the reader is slow: then nothing is written until {@link FeedConnection.drained} */
  write(text: string): boolean
}

export interface FeedConnection {
  drained(): void
  close(): void
}

/** The items as JSON, by section and id. */
type Frame = ReadonlyMap<string, ReadonlyMap<string, string>>

const periodMillis = 1_000
/** Proxies close connections that are silent for about a minute. */
const silentMillis = 15_000
/** More pages than people look at one service; a limit of what a reader can cost. */
export const mostConnections = 20

/**
 * Sends the items of the page as server-sent events: all of them first, then once a second what has changed. Reads only
 * while somebody looks.
 */
export class Feed {
  readonly #read: () => PageItems
  readonly #now: () => number
  // A timer keeps the context of the code that starts it in memory: that of the first reader's request.
  readonly #home = new AsyncResource('PG_LIFEGUARD_PAGE')
  readonly #connections = new Set<Connection>()
  readonly #json = new WeakMap<object, string>()
  #timer: NodeJS.Timeout | undefined

  /** @param now the time on the clock of the items */
  constructor(read: () => PageItems, now: () => number = Date.now) {
    this.#read = read
    this.#now = now
  }

  get connections(): number {
    return this.#connections.size
  }

  /** Whether as many look as may. */
  get isFull(): boolean {
    return this.#connections.size >= mostConnections
  }

  connect(sink: FeedSink): FeedConnection {
    const connection = new Connection(sink, this.#now)
    this.#connections.add(connection)
    this.#send([connection])
    this.#timer ??= this.#home.runInAsyncScope(() =>
      setInterval(() => this.#send(this.#connections), periodMillis),
    )
    this.#timer.unref()
    return {
      drained: () => connection.drained(),
      close: () => {
        this.#connections.delete(connection)
        if (this.#connections.size > 0) return
        clearInterval(this.#timer)
        this.#timer = undefined
      },
    }
  }

  /** The present state, as JSON. */
  state(): string {
    const sections = [...this.#frame()].map(
      ([section, items]) => `${JSON.stringify(section)}:{${pairs(items)}}`,
    )
    return `{"at":${Math.round(this.#now())},"sections":{${sections.join(',')}}}`
  }

  #send(connections: Iterable<Connection>): void {
    let frame: Frame
    try {
      frame = this.#frame()
    } catch {
      // What cannot be read now may be read in a second; the page shows how old its data is.
      return
    }
    for (const connection of connections) connection.send(frame)
  }

  #frame(): Frame {
    return new Map(
      [...this.#read()].map(([section, items]) => [
        section,
        new Map([...items].map(([id, item]) => [id, this.#jsonOf(item)])),
      ]),
    )
  }

  /** Most items are checkouts that have ended, which are the same objects each time. */
  #jsonOf(item: object): string {
    const known = this.#json.get(item)
    if (known !== undefined) return known
    const json = JSON.stringify(item)
    this.#json.set(item, json)
    return json
  }
}

class Connection {
  readonly #sink: FeedSink
  #sent: Frame | undefined
  #isSlow = false
  readonly #now: () => number
  #wroteAt = 0

  constructor(sink: FeedSink, now: () => number) {
    this.#sink = sink
    this.#now = now
  }

  drained(): void {
    this.#isSlow = false
  }

  send(frame: Frame): void {
    if (this.#isSlow) return
    const now = Math.round(this.#now())
    const change = changeBetween(this.#sent, frame)
    if (change === undefined && now - this.#wroteAt < silentMillis) return
    const isFirst = this.#sent === undefined
    this.#sent = frame
    this.#wroteAt = now
    const text = `{"at":${now}${isFirst ? ',"first":true' : ''}${change === undefined ? '' : `,${change}`}}`
    this.#isSlow = !this.#sink.write(`data: ${text}\n\n`)
  }
}

/** The part of an event that says what is new or changed, and what is gone; undefined if nothing is. */
function changeBetween(before: Frame | undefined, now: Frame): string | undefined {
  const set: string[] = []
  const drop: string[] = []
  for (const [section, items] of now) {
    const known = before?.get(section)
    const changed = [...items].filter(([id, json]) => known?.get(id) !== json)
    if (changed.length > 0) set.push(`${JSON.stringify(section)}:{${pairs(changed)}}`)
  }
  for (const [section, items] of before ?? []) {
    const still = now.get(section)
    const gone = [...items.keys()].filter((id) => still?.has(id) !== true)
    if (gone.length > 0) drop.push(`${JSON.stringify(section)}:${JSON.stringify(gone)}`)
  }
  if (set.length + drop.length === 0) return undefined
  return `"set":{${set.join(',')}},"drop":{${drop.join(',')}}`
}

function pairs(items: Iterable<readonly [string, string]>): string {
  return [...items].map(([id, json]) => `${JSON.stringify(id)}:${json}`).join(',')
}

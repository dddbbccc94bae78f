import type { Signal } from '@preact/signals'
import { EventReader } from './event-reader.ts'
import type { Access } from './session.ts'

/** One event of the feed. */
export interface Change {
  /** The time on the service's clock. */
  readonly at: number
  /** All items follow: what is known is from an earlier connection. */
  readonly first?: boolean
  readonly set?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly drop?: Readonly<Record<string, readonly string[]>>
}

export type Connection =
  | { readonly state: 'connecting' | 'live' | 'ended' }
  | { readonly state: 'lost'; readonly since: number; readonly retryAt: number }
  | { readonly state: 'refused'; readonly reason: string }

const firstPauseMillis = 500
const longestPauseMillis = 15_000
/** The service sends something at least this often. */
const silenceMillis = 40_000

/** Follows the feed for ever: a lost connection is opened again, with growing pauses. */
export async function followFeed(
  access: Access,
  apply: (change: Change) => void,
  connection: Signal<Connection>,
): Promise<void> {
  let lostSince: number | undefined
  for (let attempt = 0; ; attempt += 1) {
    const reason = await readFeed(access, (change) => {
      attempt = -1
      lostSince = undefined
      if (connection.peek().state !== 'live') connection.value = { state: 'live' }
      apply(change)
    })
    if (reason !== undefined) connection.value = { state: 'refused', reason }
    lostSince ??= Date.now()
    const pause = Math.min(longestPauseMillis, firstPauseMillis * 2 ** Math.max(0, attempt))
    if (reason === undefined)
      connection.value = { state: 'lost', since: lostSince, retryAt: Date.now() + pause }
    await new Promise((resolve) => setTimeout(resolve, reason === undefined ? pause : longestPauseMillis))
  }
}

/** Reads until the connection ends. Returns the reason if the service refuses. */
async function readFeed(access: Access, apply: (change: Change) => void): Promise<string | undefined> {
  const over = new AbortController()
  let silence = setTimeout(() => over.abort(), silenceMillis)
  try {
    // Not EventSource, which cannot send the key.
    const response = await fetch(access.url('events'), {
      headers: { accept: 'text/event-stream', ...access.headers },
      signal: over.signal,
      cache: 'no-store',
    })
    if (response.status === 401 || response.status === 403) return (await response.text()).trim()
    if (!response.ok || response.body === null) return undefined
    const events = new EventReader()
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return undefined
      clearTimeout(silence)
      silence = setTimeout(() => over.abort(), silenceMillis)
      for (const data of events.read(value)) apply(JSON.parse(data) as Change)
    }
  } catch {
    return undefined
  } finally {
    clearTimeout(silence)
    over.abort()
  }
}

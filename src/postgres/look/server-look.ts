import { ConnectionError } from '../../errors.ts'
import { type ControlConnection, type ServerSnapshot, serverSnapshot } from '../index.ts'
import { type GrowingPause, growingPause, type Pace } from './pace.ts'

/** One snapshot, and its connection. */
export interface Sight {
  readonly control: ControlConnection
  readonly snapshot: ServerSnapshot
}

/** Repeated looks at a server: a lost connection is reported once and opened again. */
export interface ServerLook extends AsyncDisposable {
  /** Undefined if the server cannot be reached now. */
  look(): Promise<Sight | undefined>
  /** Runs work on the connection; undefined if the connection is lost or the server refuses a statement. */
  ask<Result>(work: (control: ControlConnection) => Promise<Result>): Promise<Result | undefined>
  /** The time since the connection was lost; undefined if the last look succeeded. */
  lostMillis(): number | undefined
  /** The time to wait before the next look; 0 without an outage. */
  pauseMillis(): number
}

export interface ServerLookHost {
  /** The first connection, if there is one already. It is closed with the look. */
  readonly control?: ControlConnection
  connect(): Promise<ControlConnection>
  readonly pace: Pace
  readonly pauses: GrowingPause
  onLost(reason: string): void
  onBack(lostMillis: number): void
}

export function serverLook({ connect, pace, pauses, onLost, onBack, ...host }: ServerLookHost): ServerLook {
  let control: ControlConnection | undefined = host.control
  let outage: { readonly sinceMillis: number; attempts: number; nextAt: number } | undefined
  let isClosed = false

  async function connected(): Promise<ControlConnection> {
    control ??= await connect()
    // A connection that opens after the end is closed at once.
    if (isClosed) await control.close()
    return control
  }

  async function lose(error: Error): Promise<void> {
    if (error instanceof ConnectionError) {
      const lost = control
      control = undefined
      await lost?.close()
    }
    if (outage === undefined && !isClosed) onLost(error.message)
    outage ??= { sinceMillis: pace.now(), attempts: 0, nextAt: 0 }
    outage.nextAt = pace.now() + growingPause(outage.attempts, pauses, pace.random())
    outage.attempts += 1
  }

  const ask: ServerLook['ask'] = async (work) => {
    if (outage !== undefined && control === undefined && pace.now() < outage.nextAt) return undefined
    try {
      const result = await work(await connected())
      if (outage !== undefined && !isClosed) onBack(pace.now() - outage.sinceMillis)
      outage = undefined
      return result
    } catch (error) {
      if (!isPassing(error)) throw error
      await lose(error)
      return undefined
    }
  }
  return {
    ask,
    look: () => ask(async (one) => ({ control: one, snapshot: await serverSnapshot(one) })),
    lostMillis: () => (outage === undefined ? undefined : pace.now() - outage.sinceMillis),
    pauseMillis: () => (outage === undefined ? 0 : Math.max(0, outage.nextAt - pace.now())),
    async [Symbol.asyncDispose]() {
      isClosed = true
      await control?.close()
    },
  }
}

/** Whether the connection was lost or the server refused a statement: a locked catalog, a shutdown, a timeout. */
function isPassing(error: unknown): error is Error {
  return error instanceof ConnectionError || (error instanceof Error && 'severity' in error)
}

import { ConnectionError } from '../../errors.ts'
import { type ControlConnection, type ServerSnapshot, serverSnapshot } from '../../postgres/index.ts'
import { growingPause, type Pace } from '../pace.ts'
import type { Tell } from './migrate-event.ts'

/** The server as seen from beside the command, over outages. */
export interface ServerView extends AsyncDisposable {
  /** Undefined if the server cannot be seen now. */
  look(): Promise<{ readonly control: ControlConnection; readonly snapshot: ServerSnapshot } | undefined>
  /** Runs something on the connection; undefined if that is lost, or the server refuses. */
  ask<Result>(work: (control: ControlConnection) => Promise<Result>): Promise<Result | undefined>
}

const reconnectPause = { first: 500, most: 10_000 }

/** A lost connection must not end the command: it is told once, and opened again with growing pauses. */
export function serverView(
  first: ControlConnection,
  connect: () => Promise<ControlConnection>,
  { pace, tell }: { readonly pace: Pace; readonly tell: Tell },
): ServerView {
  let control: ControlConnection | undefined = first
  let outage: { attempts: number; nextAt: number } | undefined

  const ask: ServerView['ask'] = async (work) => {
    if (outage !== undefined && control === undefined && pace.now() < outage.nextAt) return undefined
    try {
      control ??= await connect()
      const result = await work(control)
      if (outage !== undefined) tell({ event: 'back' })
      outage = undefined
      return result
    } catch (error) {
      if (!isPassing(error)) throw error
      if (error instanceof ConnectionError) {
        await control?.close()
        control = undefined
      }
      if (outage === undefined) tell({ event: 'lost', reason: error.message })
      outage ??= { attempts: 0, nextAt: 0 }
      outage.nextAt = pace.now() + growingPause(outage.attempts++, reconnectPause, pace.random())
      return undefined
    }
  }
  return {
    ask,
    look: () => ask(async (one) => ({ control: one, snapshot: await serverSnapshot(one) })),
    async [Symbol.asyncDispose]() {
      await control?.close()
    },
  }
}

/** A connection that is gone, or a statement that the server refused: a lock on a catalog, a shutdown, a timeout. */
function isPassing(error: unknown): error is Error {
  return error instanceof ConnectionError || (error instanceof Error && 'severity' in error)
}

import { AsyncResource } from 'node:async_hooks'
import type { Ledger } from '../core/ledger.ts'
import { FlightRecorder } from '../core/timeline/flight-recorder.ts'
import { type Timeline, type TimelineLimits, timelineDefaults } from '../core/timeline/timeline.ts'
import { OptionError } from '../errors.ts'

/** The recording of one lifeguard: off until an option or a page asks for it. */
export interface TimelineRecording {
  /** Starts the recording unless it runs. */
  start(): FlightRecorder
  /** Undefined while nothing is recorded. */
  readonly recorder: FlightRecorder | undefined
  /** @throws OptionError unless it is on */
  data(): Timeline
  close(): void
}

const periodMillis = 1_000

/** @param limits undefined: off, until a page starts it with the defaults */
export function timelineRecording(ledger: Ledger, limits: TimelineLimits | undefined): TimelineRecording {
  // A timer keeps the context of the code that starts it in memory.
  const home = new AsyncResource('PG_LIFEGUARD_TIMELINE')
  let recorder: FlightRecorder | undefined
  let stop = () => {}
  let isClosed = false

  function start(): FlightRecorder {
    if (recorder !== undefined) return recorder
    const started = new FlightRecorder(ledger, limits ?? timelineDefaults)
    recorder = started
    if (isClosed) return started
    const unobserve = ledger.observe(started)
    ledger.recorder = started
    let cancel = () => {}
    const schedule = () => {
      cancel = home.runInAsyncScope(() => ledger.clock.schedule(tick, periodMillis))
    }
    const tick = () => {
      try {
        started.tick()
      } catch {
        // A pool that cannot be measured now leaves a gap in the picture.
      }
      schedule()
    }
    schedule()
    stop = () => {
      cancel()
      unobserve()
      ledger.recorder = undefined
    }
    return started
  }
  if (limits !== undefined) start()

  return {
    start,
    get recorder() {
      return recorder
    },
    data() {
      if (recorder !== undefined) return recorder.data()
      throw new OptionError('timeline', 'must be on for lifeguard.timeline(): timeline: {}', undefined)
    },
    close() {
      isClosed = true
      stop()
    },
  }
}

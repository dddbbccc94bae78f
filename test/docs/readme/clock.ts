import { manualClock } from 'pg-lifeguard'

/** Moved by the story, so that nobody has to wait for ten seconds. */
export const clock = manualClock()

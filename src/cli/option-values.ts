import { readDuration } from '../text/duration.ts'
import { UsageError } from './command.ts'

/** Parses `500ms`, `30s`, `5m`, `2h`, `1d`, `1h30m` to milliseconds. A unit is required, because `30` is ambiguous. */
export function parseDuration(text: string): number {
  const millis = text === '0' ? 0 : readDuration(text)
  if (millis === undefined) throw new UsageError('It must be a duration such as 500ms, 30s, 5m, 2h or 1d.')
  return millis
}

/** The limit of timeouts, below that of timers and of the server's settings. */
const longestDays = 10

/** Parses a duration for a timer or a server's setting. */
export function parseTimeout(text: string): number {
  const millis = parseDuration(text)
  if (millis > longestDays * 86_400_000) throw new UsageError(`It must be ${longestDays}d or shorter.`)
  return millis
}

export function parsePid(text: string): number {
  const pid = Number(text)
  if (!/^\d+$/.test(text) || pid < 1 || pid > 2 ** 31 - 1) {
    throw new UsageError('It must be the process id of a session, as check shows it.')
  }
  return pid
}

export function parseCount(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new UsageError('It must be a whole number.')
  return Number(text)
}

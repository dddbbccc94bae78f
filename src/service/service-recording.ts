import { join } from 'node:path'
import type { PoolRecording } from '../core/timeline/flight-recorder.ts'
import { fieldOf, pathBelow, type Service } from './ask-service.ts'

/** The recording of a service, with its files relative to our working directory. */
export type ServiceRecording = readonly PoolRecording[]

type Flight = PoolRecording['ended'][number]

/** More than any service records; what one sends beyond is not kept. */
const mostCheckouts = 20_000

/** @throws ConnectionError */
export async function recordingOf(service: Service): Promise<ServiceRecording> {
  const pools = fieldOf(await service.ask('timeline'), 'pools')
  if (!Array.isArray(pools)) return []
  return pools.flatMap((pool) => poolOf(pool, service.workingDirectory))
}

/** Another version of this package may send different data: only what is understood is used. */
function poolOf(pool: unknown, directory: string | undefined): PoolRecording[] {
  const [name, max, waitP95Millis, omitted, levels, checkouts] = [
    ...['name', 'max', 'waitP95Millis', 'omitted', 'levels', 'checkouts'],
  ].map((field) => fieldOf(pool, field))
  if (typeof name !== 'string' || !Array.isArray(checkouts) || !Array.isArray(levels)) return []
  const flights = checkouts
    .slice(-mostCheckouts)
    .filter(isFlight)
    .map((flight) => relocated(flight, directory))
  return [
    {
      name,
      ...(typeof max === 'number' ? { max } : {}),
      ...(typeof waitP95Millis === 'number' ? { waitP95Millis } : {}),
      omitted: typeof omitted === 'number' ? omitted : 0,
      levels: levels.filter(isLevel),
      ended: flights.filter(({ endedAt }) => endedAt !== undefined),
      open: flights.filter(({ endedAt }) => endedAt === undefined),
    },
  ]
}

function isFlight(value: unknown): value is Flight {
  const numbers = ['slot', 'pid', 'acquiredAt', 'endedAt']
  const origin = fieldOf(value, 'origin')
  const scope = fieldOf(value, 'scope')
  const transactions = fieldOf(value, 'transactions')
  return (
    ['id', 'requestedAt'].every((name) => typeof fieldOf(value, name) === 'number') &&
    numbers.every((name) => isNumberOrAbsent(fieldOf(value, name))) &&
    isTextOrAbsent(fieldOf(value, 'ending')) &&
    (origin === undefined ||
      (typeof fieldOf(origin, 'file') === 'string' &&
        typeof fieldOf(origin, 'line') === 'number' &&
        typeof fieldOf(origin, 'column') === 'number' &&
        isTextOrAbsent(fieldOf(origin, 'functionName')))) &&
    (scope === undefined ||
      (typeof fieldOf(scope, 'kind') === 'string' &&
        typeof fieldOf(scope, 'name') === 'string' &&
        isTextOrAbsent(fieldOf(scope, 'id')))) &&
    Array.isArray(transactions) &&
    transactions.every(
      (one) => typeof fieldOf(one, 'startedAt') === 'number' && isNumberOrAbsent(fieldOf(one, 'endedAt')),
    )
  )
}

function isLevel(value: unknown): value is PoolRecording['levels'][number] {
  const isNumber = (name: string) => typeof fieldOf(value, name) === 'number'
  return isNumber('at') && isNumber('out') && isNumber('waiting') && isNumberOrAbsent(fieldOf(value, 'used'))
}

function isNumberOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'number'
}

function isTextOrAbsent(value: unknown): boolean {
  return value === undefined || typeof value === 'string'
}

function relocated(flight: Flight, directory: string | undefined): Flight {
  const path = flight.origin === undefined ? undefined : pathBelow(flight.origin.file, directory)
  if (flight.origin === undefined || path === undefined) return flight
  return { ...flight, origin: { ...flight.origin, file: join(process.cwd(), path) } }
}

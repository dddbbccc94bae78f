import { readOptions } from '../../core/options/read.ts'
import type { PoolHost, PoolSource } from '../pool-host.ts'
import { GuardedSlonikPool } from './guarded-pool.ts'
import { sourceKey } from './guarded-source.ts'
import { type LifeguardSlonikOptions, lifeguardSlonikTable } from './options.ts'
import type { SlonikConfiguration, SlonikDriver, SlonikDriverFactory, SlonikInterceptor } from './types.ts'

export type { LifeguardSlonikOptions } from './options.ts'
export type { SlonikDriverFactory, SlonikInterceptor } from './types.ts'

/** The parts of a lifeguard that are needed. */
export interface SlonikLifeguard {
  watch(host: never, options?: { readonly name?: string }): () => void
}

/** Options of Slonik's `createPool`. */
export interface LifeguardSlonik<Factory extends SlonikDriverFactory> {
  readonly driverFactory: Factory
  readonly interceptors: readonly SlonikInterceptor[]
}

/**
 * Guards a Slonik pool and its clients: all findings, and all remedies. Without it, `lifeguard.watch(pool)` only sees
 * the owners of connections.
 *
 * One call is for one pool; the same options may be used again after `pool.end()`.
 *
 * @throws OptionError if `driverFactory` is missing
 *
 * @example
 * import { createPgDriverFactory } from '@slonik/pg-driver'
 * import { lifeguardSlonik } from 'pg-lifeguard/slonik'
 * import { createPool } from 'slonik'
 *
 * const pool = await createPool(url, {
 *   ...lifeguardSlonik(lifeguard, { driverFactory: createPgDriverFactory() }),
 * })
 */
export function lifeguardSlonik<Factory extends SlonikDriverFactory>(
  lifeguard: SlonikLifeguard,
  options: LifeguardSlonikOptions<Factory>,
): LifeguardSlonik<Factory> {
  const { driverFactory, name } = readOptions(lifeguardSlonikTable, options as LifeguardSlonikOptions)
  const pools = new GuardedPools()
  const guard = Object.freeze({ [sourceKey]: pools })
  let isWatched = false

  function watch(configuration: SlonikConfiguration): void {
    if (isWatched) return
    isWatched = true
    const given = name ?? configuration.poolName
    lifeguard.watch(guard as never, given === undefined ? {} : { name: given })
  }

  const guarded = async (factoryOptions: { readonly driverConfiguration: SlonikConfiguration }) => {
    const pool = pools.open(factoryOptions.driverConfiguration)
    watch(factoryOptions.driverConfiguration)
    const driver = (await driverFactory(factoryOptions as never)) as SlonikDriver
    return pool.guard(driver)
  }
  return {
    driverFactory: Object.assign(guarded, { [sourceKey]: guard }) as unknown as Factory,
    interceptors: pools.interceptors,
  }
}

/** The pools that are created with one guard: usually one, and after a restart another one. */
class GuardedPools implements PoolSource {
  readonly interceptors: readonly SlonikInterceptor[]
  #pools: readonly GuardedSlonikPool[] = []
  /** Ready for the next `createPool`. */
  #next = this.#make()
  #renewed = () => {}

  constructor() {
    const { entry, exit } = this.#next.callers
    this.interceptors = [entry, exit]
  }

  hosts(): readonly PoolHost[] {
    return this.#pools.map((pool) => pool.host())
  }

  install(renewed: () => void) {
    this.#renewed = renewed
    return []
  }

  open(configuration: SlonikConfiguration): GuardedSlonikPool {
    const pool = this.#next
    this.#next = this.#make()
    pool.configure(configuration, (interceptor) => this.interceptors.some((ours) => ours === interceptor))
    // One without connections has ended, or is added again when a caller asks it for one.
    this.#pools = this.#pools.filter(({ isAlive }) => isAlive)
    this.#add(pool)
    return pool
  }

  #make(): GuardedSlonikPool {
    return new GuardedSlonikPool((pool) => {
      if (!this.#pools.includes(pool)) this.#add(pool)
    })
  }

  #add(pool: GuardedSlonikPool): void {
    const taken = new Set(this.#pools.map(({ part }) => part))
    let number = 1
    while (taken.has(number === 1 ? undefined : String(number))) number += 1
    pool.part = number === 1 ? undefined : String(number)
    this.#pools = [...this.#pools, pool]
    this.#renewed()
  }
}

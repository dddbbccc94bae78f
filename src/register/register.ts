import { writeSync } from 'node:fs'
import type { Lifeguard } from '../lifeguard.ts'
import { isFirstProcess } from './first-process.ts'
import { createRegistered, requestRunner } from './guard.ts'
import { followPackages } from './loaded-packages.ts'
import { PoolAdoption } from './pools.ts'
import { Routes } from './routes.ts'
import { followRequests, type RequestRunner } from './servers.ts'
import { readVariables, type Variables } from './variables.ts'

/** The same for every copy of the package. */
const key = Symbol.for('pg-lifeguard.register')
const blindMillis = 10_000
const launchers =
  /[\\/](?:(?:npm|npx)-cli\.js|(?:yarn|pnpm|pnpx|corepack|pm2(?:-\w+)?|nodemon|tsx)(?:\.c?js)?|pm2[\\/]lib[\\/]Daemon\.js|tsx[\\/]dist[\\/]cli\.mjs)$/

/**
 * Watches the pools of this process from their first use on, and runs its HTTP requests in scopes. Once per process or
 * worker thread.
 *
 * @returns a function that returns the lifeguard, which it creates at the first call
 * @throws OptionError if a variable of the environment is unknown or invalid
 */
export function register(env: NodeJS.ProcessEnv): () => Lifeguard {
  const known = Reflect.get(globalThis, key) as (() => Lifeguard) | undefined
  if (known !== undefined) return known

  const isConfigured = Object.entries(env).some(
    ([name, value]) => name.startsWith('LIFEGUARD_') && value !== '',
  )
  const variables: Pick<Variables, 'options' | 'reporter' | 'given'> = isConfigured
    ? readVariables(env)
    : { options: {}, reporter: 'console', given: [] }
  let lifeguard: Lifeguard | undefined
  const getLifeguard = () => {
    lifeguard ??= createRegistered(variables)
    return lifeguard
  }
  Object.defineProperty(globalThis, key, { value: getLifeguard })
  // NODE_OPTIONS also applies to the package manager or process manager that starts the application.
  if (!launchers.test(process.argv[1] ?? '')) follow(getLifeguard, variables)
  return getLifeguard
}

function follow(
  getLifeguard: () => Lifeguard,
  variables: Pick<Variables, 'options' | 'reporter' | 'given'>,
): void {
  const asJson = variables.reporter === 'json'
  const pools = new PoolAdoption(getLifeguard)
  const routes = new Routes()
  followPackages((name, exported) => {
    pools.loaded(name, exported)
    routes.loaded(name, exported)
  })

  let saidBlind = false
  const blind = setTimeout(sayIfBlind, blindMillis)
  blind.unref()
  let run: RequestRunner | undefined
  followRequests((request, response, handle) => {
    if (!pools.hasDriver) {
      if (saidBlind) return handle()
      // Next.js loads a route, and the driver with it, for the first request.
      response.on('close', sayIfBlind)
    }
    run ??= requestRunner(getLifeguard(), routes)
    return run(request, response, handle)
  })
  if (isFirstProcess()) writeAtStart(lineOf(startLine(variables), asJson))

  function sayIfBlind(): void {
    clearTimeout(blind)
    if (saidBlind || pools.hasDriver) return
    saidBlind = true
    process.stderr.write(lineOf(blindLine(pools.unseenDriver), asJson))
  }
}

function startLine({ options: { mode = 'observe' }, given }: Pick<Variables, 'options' | 'given'>): string {
  const settings = given.map(([name, value]) => `${name}=${value}`)
  return `on, in mode ${mode}${settings.length === 0 ? '' : `, with ${settings.join(' ')}`}`
}

function blindLine(driver: string | undefined): string {
  const why =
    driver === undefined
      ? 'has so far loaded no PostgreSQL driver that can be seen: it may be bundled, or an ES module such as postgres.js'
      : `uses ${driver}, which cannot be watched from outside`
  return `this application ${why}. Watch its pool in code: getLifeguard().watch(pool), from 'pg-lifeguard/register'`
}

function lineOf(message: string, asJson: boolean): string {
  const text = `pg-lifeguard: ${message}`
  return `${asJson ? JSON.stringify({ event: 'info', message: text }) : text}\n`
}

/** To make the stream of `process.stderr` would take longer than all else at the start. */
function writeAtStart(text: string): void {
  try {
    writeSync(2, text)
  } catch (error) {
    // The pipe is full. If nobody reads it, there is nobody to tell.
    if ((error as NodeJS.ErrnoException).code === 'EAGAIN') process.stderr.write(text)
  }
}

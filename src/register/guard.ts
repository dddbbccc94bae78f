import type { Reporter } from '../core/findings/reporter.ts'
import { namingOf } from '../http/express-naming.ts'
import { openRequestScope, pathOf } from '../http/request-scope.ts'
import { createLifeguard, type Lifeguard } from '../lifeguard.ts'
import { consoleReporter } from '../reporters/console.ts'
import { jsonLinesReporter } from '../reporters/json-lines.ts'
import { generalPath } from './general-path.ts'
import type { Routes } from './routes.ts'
import type { RequestRunner } from './servers.ts'
import type { ReporterName, Variables } from './variables.ts'

const reporters: Readonly<Record<ReporterName, () => readonly Reporter[]>> = {
  console: () => [consoleReporter()],
  json: () => [jsonLinesReporter()],
  none: () => [],
}

/** Creates the lifeguard of this process. It closes when the process has no pending work. */
export function createRegistered({ options, reporter }: Pick<Variables, 'options' | 'reporter'>): Lifeguard {
  const lifeguard = createLifeguard({ ...options, reporters: reporters[reporter]() })
  process.once('beforeExit', () => void lifeguard.close())
  return lifeguard
}

/** Runs each request in a scope with the name of its route. */
export function requestRunner(lifeguard: Lifeguard, routes: Routes): RequestRunner {
  return (request, response, handle) => {
    const express = namingOf(request)
    const { scope } = openRequestScope(lifeguard, 'register', request, response, {
      name: () => {
        const pattern = routes.of(request)
        const { method = '', url, originalUrl = url } = request
        return pattern === undefined
          ? (express.name() ?? `${method} ${generalPath(pathOf(originalUrl))}`)
          : `${method} ${pattern}`
      },
      id: express.id,
    })
    return scope.run(handle)
  }
}

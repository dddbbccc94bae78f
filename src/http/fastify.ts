import { LifeguardError } from '../errors.ts'
import type { CurrentScope, OpenScope } from '../guard/scopes.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { openRequestScope, type RequestLike, type ResponseLike, refuseOther } from './request-scope.ts'

// The compiler resolves Fastify here only if other code imports it, as every user of the plugin does.
// biome-ignore lint/suspicious/noTsIgnore: with @ts-expect-error it would be a mistake that Fastify is found
// @ts-ignore
declare module 'fastify' {
  interface FastifyRequest {
    /** The scope of this request, for error handlers, for example. Set by `lifeguardPlugin`. */
    readonly lifeguard: CurrentScope
  }
}

/** The options of {@link lifeguardPlugin}. */
export interface LifeguardPluginOptions {
  /** The one that watches the pools of the routes. */
  readonly lifeguard: Lifeguard
}

/** The part of a Fastify request that is used. */
export interface FastifyRequestLike {
  readonly id: unknown
  readonly method: string
  readonly originalUrl: string
  readonly raw: RequestLike
  readonly routeOptions?: { readonly url?: string | undefined }
}

/** The part of a Fastify reply that is used. */
export interface FastifyReplyLike {
  readonly raw: ResponseLike
}

/** The part of a Fastify instance that is used. */
export interface FastifyInstanceLike {
  hasRequestDecorator(name: string): boolean
  decorateRequest(name: string, value: null): unknown
  addHook(
    name: 'onRequest',
    hook: (request: FastifyRequestLike, reply: FastifyReplyLike, done: () => void) => void,
  ): unknown
}

/** A plugin for `register` of Fastify 4 and 5. */
export type LifeguardPlugin = (
  instance: FastifyInstanceLike,
  options: LifeguardPluginOptions,
  done: (error?: Error) => void,
) => void

/**
 * Runs each request in a scope, which ends when its response closes, and decorates requests with it. Register it first:
 * hooks that are registered before it run without a scope.
 *
 * `register` fails with OptionError without a lifeguard, and with LifeguardError if the plugin is registered twice.
 *
 * @example
 * await app.register(lifeguardPlugin, { lifeguard })
 */
export const lifeguardPlugin: LifeguardPlugin = Object.assign(register, {
  // As the package fastify-plugin does: hooks and decorator apply to the registering instance, not to a child.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'pg-lifeguard',
  [Symbol.for('plugin-meta')]: { name: 'pg-lifeguard', fastify: '4.x || 5.x' },
})

function register(
  instance: FastifyInstanceLike,
  options: LifeguardPluginOptions,
  done: (error?: Error) => void,
): void {
  const { lifeguard } = options
  // Fastify does not catch errors thrown by a plugin with a callback.
  const mistake = mistakeIn(instance, lifeguard)
  if (mistake !== undefined) {
    done(mistake)
    return
  }
  // Declared without a value, so that all requests have the same shape.
  instance.decorateRequest('lifeguard', null)
  instance.addHook('onRequest', (request, reply, next) => {
    const { scope } = openRequestScope(lifeguard, 'fastify', request.raw, reply.raw, {
      name() {
        const url = request.routeOptions?.url
        return url === undefined ? undefined : `${request.method} ${url}`
      },
      id: () => (request.id === undefined ? undefined : String(request.id)),
    })
    ;(request as { lifeguard?: OpenScope }).lifeguard = scope
    scope.run(next)
  })
  done()
}

function mistakeIn(instance: FastifyInstanceLike, lifeguard: Lifeguard): Error | undefined {
  const refused = refuseOther('lifeguardPlugin.lifeguard', lifeguard)
  if (refused !== undefined || !instance.hasRequestDecorator('lifeguard')) return refused
  return new LifeguardError(
    'LIFEGUARD_HTTP',
    'request.lifeguard exists already: register lifeguardPlugin only once',
  )
}

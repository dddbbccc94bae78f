import { LifeguardError } from '../errors.ts'
import type { CurrentScope, OpenScope } from '../guard/scopes.ts'
import type { Lifeguard } from '../lifeguard.ts'
import { openRequestScope, type RequestLike, type ResponseLike, refuseOther } from './request-scope.ts'

// The compiler finds Fastify here only where something else imports it; who uses the plugin does.
// biome-ignore lint/suspicious/noTsIgnore: with @ts-expect-error it would be a mistake that Fastify is found
// @ts-ignore
declare module 'fastify' {
  interface FastifyRequest {
    /** The scope of this request: what an error handler can log. There behind `lifeguardPlugin`. */
    readonly lifeguard: CurrentScope
  }
}

export interface LifeguardPluginOptions {
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

/** The shape that Fastify's `register` takes, in 4 and 5. */
export type LifeguardPlugin = (
  instance: FastifyInstanceLike,
  options: LifeguardPluginOptions,
  done: (error?: Error) => void,
) => void

/**
 * Makes each request a scope, which ends when its response closes, and decorates requests with it. Register it first:
 * what is registered before it has no scope.
 *
 * Registering fails with OptionError without a lifeguard, and with LifeguardError if it is done twice.
 *
 * @example
 * await app.register(lifeguardPlugin, { lifeguard })
 */
export const lifeguardPlugin: LifeguardPlugin = Object.assign(register, {
  // What the package fastify-plugin would do: hooks and decorator are for the instance that registers, not for a child.
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
  // Fastify does not catch errors that a plugin of this shape throws.
  const mistake = mistakeIn(instance, lifeguard)
  if (mistake !== undefined) {
    done(mistake)
    return
  }
  // Declared before it has a value, so that all requests keep one shape.
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
    'request.lifeguard exists already: lifeguardPlugin is registered twice, once is enough',
  )
}

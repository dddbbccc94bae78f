import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'
import express5, { type Express, type NextFunction, type Request, type Response } from 'express'
import express4 from 'express-4'
import { fastify as fastify5 } from 'fastify'
import { fastify as fastify4 } from 'fastify-4'
import { onTestFinished } from 'vitest'
import { lifeguardMiddleware } from '../../src/http/express.ts'
import { lifeguardPlugin } from '../../src/http/fastify.ts'
import { withRequestScope } from '../../src/http/node.ts'
import type { Lifeguard } from '../../src/index.ts'

/** A request in the hands of its handler, in whatever framework. */
export interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** Of the route `/lives/:id`. */
  readonly id: string
  /** What the framework has for an error of a handler. */
  fail(error: Error): void
}

export type Handle = (exchange: Exchange) => void

/** A framework that serves `/lives/:id`, for any method, behind the surface that is made for it. */
export type Host = (lifeguard: Lifeguard, handle: Handle, options: ServerOptions) => Promise<Server>

/** What they have in common is what the tests use; the types say it in two ways. */
export const expresses = { 'Express 4': express4 as unknown as typeof express5, 'Express 5': express5 }
export const fastifies = { 'Fastify 4': fastify4 as unknown as typeof fastify5, 'Fastify 5': fastify5 }

export const hosts = {
  'Express 4': (...args) => expressHost(expresses['Express 4'], ...args),
  'Express 5': (...args) => expressHost(expresses['Express 5'], ...args),
  'Fastify 4': (...args) => fastifyHost(fastifies['Fastify 4'], ...args),
  'Fastify 5': (...args) => fastifyHost(fastifies['Fastify 5'], ...args),
  'node:http': nodeHost,
} satisfies Readonly<Record<string, Host>>

async function expressHost(
  express: () => Express,
  lifeguard: Lifeguard,
  handle: Handle,
  options: ServerOptions,
) {
  const app = express()
  app.use(lifeguardMiddleware(lifeguard))
  app.all('/lives/:id', (request: Request, response: Response, next: NextFunction) =>
    handle({ request, response, id: String(request.params.id), fail: next }),
  )
  app.use((_error: Error, request: Request, response: Response, _next: NextFunction) => {
    response.status(500).json(request.lifeguard.sessions())
  })
  return createServer(options, app)
}

async function fastifyHost(
  fastify: typeof fastify5,
  lifeguard: Lifeguard,
  handle: Handle,
  options: ServerOptions,
) {
  const app = fastify({
    requestTimeout: options.requestTimeout ?? 0,
    serverFactory: (listener: RequestListener) => createServer(options, listener),
  })
  await app.register(lifeguardPlugin, { lifeguard })
  // The body is the handler's.
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.setErrorHandler((_error, request, reply) => reply.status(500).send(request.lifeguard.sessions()))
  app.all('/lives/:id', (request, reply) => {
    const { id } = request.params as { id: string }
    handle({ request: request.raw, response: reply.raw, id, fail: (error) => reply.send(error) })
  })
  await app.ready()
  return app.server
}

async function nodeHost(lifeguard: Lifeguard, handle: Handle, options: ServerOptions) {
  const listener: RequestListener = (request, response) => {
    const fail = () => {
      response.statusCode = 500
      response.end(JSON.stringify(lifeguard.currentScope()?.sessions()))
    }
    handle({ request, response, id: request.url?.split('/')[2] ?? '', fail })
  }
  const name = ({ method }: IncomingMessage) => `${method} /lives/:id`
  return createServer(options, withRequestScope(lifeguard, listener, { name }))
}

/** Serves until the test is over. */
export async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  return (server.address() as AddressInfo).port
}

import { describeLives } from './battery.ts'
import { ways } from './checkouts.ts'

describeLives('Fastify 5')
describeLives('Fastify 4', { promise: ways.promise })

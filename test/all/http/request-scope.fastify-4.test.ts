import { describeLives } from '../../http/battery.ts'
import { ways } from '../../http/checkouts.ts'

describeLives('Fastify 4', { promise: ways.promise })

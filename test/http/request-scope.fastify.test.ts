import { describeLives } from './battery.ts'

describeLives('Fastify 5')

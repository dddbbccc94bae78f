import { describeLives } from './battery.ts'

describeLives('node:http')

import { describeLives } from './battery.ts'

describeLives('Express 4')
describeLives('Express 5')

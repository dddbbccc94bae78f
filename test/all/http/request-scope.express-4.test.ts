import { describeLives } from '../../http/battery.ts'

describeLives('Express 4')

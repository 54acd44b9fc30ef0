import { type DynamicModule, Module } from '@nestjs/common';
import { TailraceModule } from 'tailrace/nestjs';
import { CatalogueController } from './catalogue.controller.ts';
import { HealthController } from './health.controller.ts';
import { PaymentsController, SHOP_SETTINGS } from './payments.controller.ts';
import { type ShopSettings, SLOW_THRESHOLD_MS } from './settings.ts';

@Module({})
class AppModule {}

export function createAppModule(settings: ShopSettings): DynamicModule {
  return {
    module: AppModule,
    imports: [
      TailraceModule.forRoot({
        service: 'payments',
        version: '0.1.0',
        sampling: {
          normalRate: settings.normalRate,
          slowThresholdMs: SLOW_THRESHOLD_MS * settings.timeFactor,
          // A real shop would write `criticalRoutes: ['POST /payments']` and keep every payment. Here payments that went
          // well are sampled like all else, or there would be nothing normal to see.
        },
      }),
    ],
    controllers: [PaymentsController, CatalogueController, HealthController],
    providers: [{ provide: SHOP_SETTINGS, useValue: settings }],
  };
}

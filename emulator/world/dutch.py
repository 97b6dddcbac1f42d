"""The goods of the showcase in Dutch: their names and texts, by their English names."""

from collections.abc import Mapping
from typing import Final

_LINES: Final = """
House espresso blend|Huismelange espresso|Chocolade en hazelnoot, medium gebrand.
Dark espresso blend|Donkere espressomelange|Donker gebrand voor melkdranken, weinig zuren.
Organic espresso blend|Biologische espressomelange|Biologisch, gedroogd fruit en cacao.
Decaf espresso|Cafeïnevrije espresso|Waterproces, karamel en toast.
Brazil Cerrado, single origin|Brazilië Cerrado, één herkomst|Ongewassen, noten en nougat.
Colombia Huila, single origin|Colombia Huila, één herkomst|Gewassen, rode appel en rietsuiker.
Ethiopia Yirgacheffe, single origin|Ethiopië Yirgacheffe, één herkomst|Gewassen, jasmijn en citroen.
Kenya Nyeri AA, single origin|Kenia Nyeri AA, één herkomst|Gewassen, zwarte bes en tomaat.
Guatemala Antigua, single origin|Guatemala Antigua, één herkomst|Gewassen, cacao en sinaasappel.
Filter blend|Filtermelange|Voor filterapparaten, rond en zoet.
Cold brew blend, coarse ground|Cold-brewmelange, grof gemalen|Om 12 tot 18 uur te laten trekken.
Vanilla syrup, 1 l|Vanillesiroop, 1 l|Rietsuiker en natuurlijke vanille.
Caramel syrup, 1 l|Karamelsiroop, 1 l|Rietsuiker en gebrande karamel.
Hazelnut syrup, 1 l|Hazelnootsiroop, 1 l|Rietsuiker en geroosterde hazelnoot.
Chocolate sauce, 2.5 kg|Chocoladesaus, 2,5 kg|Voor mokka, met schroefdraad voor een pomp.
Chai concentrate, 1 l|Chaiconcentraat, 1 l|Zwarte thee en zes specerijen.
Matcha, 500 g|Matcha, 500 g|Keukenkwaliteit uit Uji.
Oat drink barista, 6 x 1 l|Haverdrank barista, 6 x 1 l|Schuimt bij 60 °C, zonder toegevoegde suiker.
Brown sugar sachets, 1,000|Zakjes rietsuiker, 1.000|Vier gram per zakje.
English breakfast tea, 100 bags|English breakfast-thee, 100 zakjes|Zakjes in een envelop.
Peppermint tea, 100 bags|Pepermuntthee, 100 zakjes|Zakjes in een envelop, zonder cafeïne.
Drinking chocolate, 1 kg|Chocoladepoeder, 1 kg|32 % cacao.
Almond biscotti, 200|Amandelkoekjes, 200|Per stuk verpakt.
Espresso cup and saucer, 6|Espressokop en schotel, 6|Porselein, 70 ml, voor de vaatwasser.
Cappuccino cup and saucer, 6|Cappuccinokop en schotel, 6|Porselein, 180 ml.
Latte glass, 6|Latteglas, 6|Gehard glas, 300 ml.
Paper cup 8 oz, 1,000|Kartonnen beker 8 oz, 1.000|Dubbelwandig, composteerbaar.
Paper cup 12 oz, 500|Kartonnen beker 12 oz, 500|Dubbelwandig, composteerbaar.
Reusable cup 12 oz|Herbruikbare beker 12 oz|Met een deksel van silicone, op verzoek bedrukt.
Milk pitcher, 350 ml|Melkkan, 350 ml|Roestvrij staal met een smalle tuit.
Milk pitcher, 600 ml|Melkkan, 600 ml|Roestvrij staal met een smalle tuit.
Tamper, 58 mm|Tamper, 58 mm|Voet van roestvrij staal, handvat van notenhout.
Paper filters, 1,000|Papieren filters, 1.000|Voor 4 tot 12 koppen, met zuurstof gebleekt.
Machine cleaner, 900 g|Machinereiniger, 900 g|Om terug te spoelen, geschikt voor levensmiddelen.
Espresso machine, one group|Espressomachine, één groep|Dubbele ketel, 230 V, vaste wateraansluiting.
Espresso machine, two groups|Espressomachine, twee groepen|Volumetrisch, met een stoomhendel.
Espresso grinder, on demand|Espressomolen, on demand|Vlakke schijven van 64 mm, twee doses.
Shop grinder|Winkelmolen|Schijven van 98 mm, van Turks tot cafetière.
Barista apron|Baristaschort|Katoenen canvas, twee zakken.
"""
DUTCH: Final[Mapping[str, tuple[str, str]]] = {
    english: (name, text)
    for english, name, text in (line.split("|") for line in _LINES.strip().splitlines())
}

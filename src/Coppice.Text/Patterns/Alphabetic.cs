using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>
/// The property Alphabetic of Unicode 16 (DerivedCoreProperties.txt): letters, letter numbers, most marks and circled letters.
/// </summary>
internal static class Alphabetic
{
    public static CharacterSet Set { get; } = new(Categories.Letter | Categories.Named("nl"), CircledLetters,
        [new CharacterSet(members: [new CharacterSet(Categories.Mark), Others], intersects: true)]);

    private static CharacterSet Others => new(ranges: AlphabeticRanges.MarksThatAreNot, negated: true);

    private static int[] CircledLetters => [0x24B6, 0x24E9, 0x1F130, 0x1F149, 0x1F150, 0x1F169, 0x1F170, 0x1F189];
}

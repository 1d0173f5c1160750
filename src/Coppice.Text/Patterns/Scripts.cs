using Coppice.Text.Unicode;

namespace Coppice.Text.Patterns;

/// <summary>The scripts of living languages (Unicode 16, Scripts.txt), as \p{Greek} or \p{Grek}.</summary>
internal static partial class Scripts
{
    /// <summary>The set of that name, or null.</summary>
    /// <param name="key">The name in small letters without blanks, hyphens and underscores.</param>
    public static CharacterSet? Find(string key)
    {
        var runs = Array.Find(All, script => script.Long == key || script.Short == key).Runs;
        return runs is null ? null : new CharacterSet(members: [new CharacterSet(ranges: runs), Assigned], intersects: true);
    }

    // Runs go over unassigned code points.
    private static CharacterSet Assigned => new CharacterSet(Categories.Named("cn")).Complement();
}

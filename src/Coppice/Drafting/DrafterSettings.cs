using Coppice.Settings;

namespace Coppice.Drafting;

/// <summary>The part "key=value,key=value" of a drafter's text.</summary>
/// <inheritdoc cref="NamedSettings(string, string, string)"/>
internal sealed class DrafterSettings(string name, string text) : NamedSettings("drafter", name, text);

namespace Coppice.Text.PreTokenizers;

/// <summary>Which pieces the Metaspace pre-tokenizer puts its mark before.</summary>
internal enum PrependScheme
{
    Always,
    First,
    Never,
}

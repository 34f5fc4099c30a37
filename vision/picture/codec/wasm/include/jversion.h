#define JVERSION "6b"
#define JCOPYRIGHT ""
#define JCOPYRIGHT_SHORT ""

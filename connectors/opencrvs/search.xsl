<?xml version="1.0" encoding="UTF-8"?>
<!-- SPDX-License-Identifier: Apache-2.0 -->
<!--
  search.xsl - the registration object that OpenCRVS 1.x answers to fetchBirthRegistration, fetchDeathRegistration and
  fetchMarriageRegistration (GraphQL), as the catch-up by search gets it, to a common record.

  The object may stand alone with its __typename, below "data", or below "data" and the name of the query. Its id is the
  Composition's. registration.status lists the Task's states, newest first; the newest timestamp is the version.
-->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform" xmlns:kw="urn:kinward:mapping:1"
  xmlns:j="http://www.w3.org/2005/xpath-functions" xmlns="urn:kinward:record:1" exclude-result-prefixes="kw j">
  <kw:mapping id="opencrvs-search" version="1" format="json"/>
  <xsl:include href="common.xsl"/>

  <xsl:template match="/">
    <xsl:variable name="found" select="descendant-or-self::j:map[j:map[@key = 'registration'] and j:string[@key = 'id'] and (j:map[@key = 'child'] or j:map[@key = 'deceased'] or j:map[@key = 'bride'])]"/>
    <xsl:choose>
      <xsl:when test="/j:map/j:array[@key = 'errors']/*">
        <xsl:message terminate="yes">the answer is a GraphQL error</xsl:message>
      </xsl:when>
      <xsl:when test="not($found)">
        <xsl:message terminate="yes">there is no registration of a birth, death or marriage in the document</xsl:message>
      </xsl:when>
    </xsl:choose>
    <records>
      <xsl:apply-templates select="$found" mode="registration"/>
    </records>
  </xsl:template>

  <xsl:template match="j:map" mode="registration">
    <xsl:variable name="kind">
      <xsl:choose>
        <xsl:when test="j:map[@key = 'child']">birth</xsl:when>
        <xsl:when test="j:map[@key = 'deceased']">death</xsl:when>
        <xsl:otherwise>marriage</xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <xsl:variable name="states" select="j:map[@key = 'registration']/j:array[@key = 'status']/j:map"/>
    <xsl:variable name="version">
      <xsl:for-each select="$states">
        <xsl:sort select="kw:instant(*[@key = 'timestamp'])" order="descending"/>
        <xsl:if test="position() = 1"><xsl:value-of select="kw:instant(*[@key = 'timestamp'])"/></xsl:if>
      </xsl:for-each>
    </xsl:variable>
    <xsl:variable name="status">
      <xsl:for-each select="$states">
        <xsl:sort select="kw:instant(*[@key = 'timestamp'])" order="descending"/>
        <xsl:if test="position() = 1"><xsl:value-of select="j:string[@key = 'type']"/></xsl:if>
      </xsl:for-each>
    </xsl:variable>
    <xsl:if test="$version = ''">
      <xsl:message terminate="yes">the registration has no state with a timestamp</xsl:message>
    </xsl:if>
    <xsl:variable name="event-date">
      <xsl:choose>
        <xsl:when test="$kind = 'birth'"><xsl:value-of select="j:map[@key = 'child']/j:string[@key = 'birthDate']"/></xsl:when>
        <xsl:when test="$kind = 'death'"><xsl:value-of select="j:map[@key = 'deceased']/j:map[@key = 'deceased']/j:string[@key = 'deathDate']"/></xsl:when>
        <xsl:otherwise><xsl:value-of select="(j:map[@key = 'groom']/j:string[@key = 'dateOfMarriage'] | j:map[@key = 'bride']/j:string[@key = 'dateOfMarriage'])[kw:text(.) != ''][1]"/></xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <record>
      <xsl:call-template name="source-record">
        <xsl:with-param name="id" select="j:string[@key = 'id']"/>
        <xsl:with-param name="version" select="$version"/>
      </xsl:call-template>
      <eventType>
        <xsl:choose>
          <xsl:when test="$kind = 'birth'">live_birth</xsl:when>
          <xsl:otherwise><xsl:value-of select="$kind"/></xsl:otherwise>
        </xsl:choose>
      </eventType>
      <xsl:choose>
        <xsl:when test="$status = ''"><status>unknown</status></xsl:when>
        <xsl:otherwise><xsl:copy-of select="kw:coded('status', 'status', string($status), 'http://opencrvs.org/specs/reg-status')"/></xsl:otherwise>
      </xsl:choose>
      <event>
        <date><xsl:copy-of select="kw:date($event-date)"/></date>
        <xsl:apply-templates select="j:map[@key = 'eventLocation']"/>
      </event>
      <xsl:call-template name="entry">
        <xsl:with-param name="states" select="$states"/>
        <xsl:with-param name="version" select="string($version)"/>
        <xsl:with-param name="status" select="string($status)"/>
        <xsl:with-param name="event-date" select="string($event-date)"/>
      </xsl:call-template>
      <xsl:call-template name="persons">
        <xsl:with-param name="kind" select="string($kind)"/>
        <xsl:with-param name="event-date" select="string($event-date)"/>
      </xsl:call-template>
      <xsl:choose>
        <xsl:when test="$kind = 'birth'"><xsl:call-template name="birth"/></xsl:when>
        <xsl:when test="$kind = 'death'"><xsl:call-template name="death"/></xsl:when>
        <xsl:when test="kw:text(j:string[@key = 'typeOfMarriage']) != ''">
          <marriage><xsl:copy-of select="kw:coded('type', 'marriage-type', j:string[@key = 'typeOfMarriage'], 'http://opencrvs.org/specs/type-of-marriage')"/></marriage>
        </xsl:when>
      </xsl:choose>
      <xsl:call-template name="handling"/>
      <xsl:for-each select="j:array[@key = 'questionnaire']/j:map[kw:text(*[@key = 'value']) != '']">
        <note><xsl:value-of select="concat(kw:text(j:string[@key = 'fieldId']), ': ', kw:text(*[@key = 'value']))"/></note>
      </xsl:for-each>
    </record>
  </xsl:template>

  <xsl:template match="j:map[@key = 'eventLocation']">
    <xsl:variable name="address" select="j:map[@key = 'address']"/>
    <place>
      <xsl:if test="j:string[@key = 'type'] != 'HEALTH_FACILITY'">
        <xsl:call-template name="text"><xsl:with-param name="element" select="'geographicName'"/><xsl:with-param name="value" select="j:string[@key = 'name']"/></xsl:call-template>
      </xsl:if>
      <xsl:copy-of select="kw:coded('country', 'country', $address/j:string[@key = 'country'], 'urn:iso:std:iso:3166')"/>
      <xsl:choose>
        <xsl:when test="j:string[@key = 'type'] = 'HEALTH_FACILITY'">
          <facilityId><xsl:value-of select="kw:text(j:string[@key = 'id'])"/></facilityId>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'facilityName'"/><xsl:with-param name="value" select="j:string[@key = 'name']"/></xsl:call-template>
        </xsl:when>
        <xsl:when test="kw:text(j:string[@key = 'id']) != ''"><localCode><xsl:value-of select="kw:text(j:string[@key = 'id'])"/></localCode></xsl:when>
      </xsl:choose>
      <xsl:copy-of select="kw:coded('type', 'place-type', j:string[@key = 'type'], 'http://opencrvs.org/specs/location-type')"/>
      <xsl:call-template name="postal"><xsl:with-param name="element" select="'address'"/><xsl:with-param name="address" select="$address"/></xsl:call-template>
    </place>
  </xsl:template>

  <xsl:template name="entry">
    <xsl:param name="states"/>
    <xsl:param name="version"/>
    <xsl:param name="status"/>
    <xsl:param name="event-date"/>
    <xsl:variable name="registration" select="j:map[@key = 'registration']"/>
    <xsl:variable name="registered">
      <xsl:for-each select="$states[j:string[@key = 'type'] = 'REGISTERED']">
        <xsl:sort select="kw:instant(*[@key = 'timestamp'])"/>
        <xsl:if test="position() = 1"><xsl:value-of select="kw:instant(*[@key = 'timestamp'])"/></xsl:if>
      </xsl:for-each>
    </xsl:variable>
    <xsl:variable name="declared">
      <xsl:for-each select="$states[j:string[@key = 'type'] = 'DECLARED']">
        <xsl:sort select="kw:instant(*[@key = 'timestamp'])"/>
        <xsl:if test="position() = 1"><xsl:value-of select="kw:instant(*[@key = 'timestamp'])"/></xsl:if>
      </xsl:for-each>
    </xsl:variable>
    <registration>
      <xsl:if test="$registered != ''"><date><xsl:copy-of select="kw:date($registered)"/></date></xsl:if>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'number'"/><xsl:with-param name="value" select="$registration/j:string[@key = 'registrationNumber']"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'trackingNumber'"/><xsl:with-param name="value" select="$registration/j:string[@key = 'trackingId']"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'book'"/><xsl:with-param name="value" select="$registration/j:string[@key = 'book']"/></xsl:call-template>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'page'"/><xsl:with-param name="value" select="$registration/j:string[@key = 'page']"/></xsl:call-template>
      <xsl:variable name="office" select="$states/j:map[@key = 'office'][kw:text(j:string[@key = 'name']) != '' or kw:text(j:string[@key = 'id']) != ''][1]"/>
      <xsl:if test="$office">
        <office>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'id'"/><xsl:with-param name="value" select="$office/j:string[@key = 'id']"/></xsl:call-template>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'name'"/><xsl:with-param name="value" select="$office/j:string[@key = 'name']"/></xsl:call-template>
          <xsl:if test="$own-country != ''"><country><xsl:value-of select="$own-country"/></country></xsl:if>
        </office>
      </xsl:if>
      <xsl:call-template name="registration-dates"><xsl:with-param name="registered" select="string($registered)"/><xsl:with-param name="event" select="$event-date"/></xsl:call-template>
      <xsl:choose>
        <xsl:when test="$declared != ''"><declarationDate><xsl:copy-of select="kw:date($declared)"/></declarationDate></xsl:when>
        <xsl:when test="kw:instant(*[@key = 'createdAt']) != ''"><declarationDate><xsl:copy-of select="kw:date(kw:instant(*[@key = 'createdAt']))"/></declarationDate></xsl:when>
      </xsl:choose>
      <statusDate><xsl:copy-of select="kw:date($version)"/></statusDate>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'sourceStatus'"/><xsl:with-param name="value" select="$status"/></xsl:call-template>
      <xsl:if test="$registration/j:array[@key = 'certificates']/j:map"><certificateCount><xsl:value-of select="count($registration/j:array[@key = 'certificates']/j:map)"/></certificateCount></xsl:if>
      <xsl:for-each select="$registration/j:array[@key = 'attachments']/j:map[kw:text(j:string[@key = 'type']) != '']">
        <supportingDocument><xsl:copy-of select="kw:coded('type', 'document-type', j:string[@key = 'type'], 'http://opencrvs.org/specs/supporting-doc-type')"/></supportingDocument>
      </xsl:for-each>
    </registration>
  </xsl:template>

  <!-- One party for each person; an informant who is mother, father, spouse, bride or groom is that party. -->
  <xsl:template name="persons">
    <xsl:param name="kind"/>
    <xsl:param name="event-date"/>
    <xsl:variable name="informant" select="j:map[@key = 'informant']"/>
    <xsl:variable name="says" select="concat(kw:lower($informant/j:string[@key = 'relationship']), '|', kw:lower(j:map[@key = 'registration']/j:string[@key = 'informantType']))"/>
    <xsl:variable name="registration" select="j:map[@key = 'registration']"/>
    <xsl:variable name="subject">
      <xsl:choose>
        <xsl:when test="$kind = 'birth'">child</xsl:when>
        <xsl:when test="$kind = 'death'">deceased</xsl:when>
        <xsl:otherwise>bride</xsl:otherwise>
      </xsl:choose>
    </xsl:variable>
    <xsl:for-each select="j:map[@key = 'child' or @key = 'deceased' or @key = 'bride' or @key = 'groom' or @key = 'mother' or @key = 'father' or @key = 'spouse']">
      <xsl:call-template name="person">
        <xsl:with-param name="code" select="string(@key)"/>
        <xsl:with-param name="person" select="."/>
        <xsl:with-param name="subject" select="string($subject)"/>
        <xsl:with-param name="registration" select="$registration"/>
        <xsl:with-param name="is-informant" select="@key != 'child' and @key != 'deceased' and (starts-with($says, concat(@key, '|')) or substring-after($says, '|') = @key or ($informant/j:map[@key = 'individual']/j:string[@key = 'id'] != '' and $informant/j:map[@key = 'individual']/j:string[@key = 'id'] = j:string[@key = 'id']))"/>
        <xsl:with-param name="event-date" select="$event-date"/>
      </xsl:call-template>
    </xsl:for-each>
    <xsl:for-each select="j:map[@key = 'witnessOne' or @key = 'witnessTwo'][j:map[@key = 'individual']/j:array[@key = 'name']/j:map]">
      <xsl:call-template name="person">
        <xsl:with-param name="code" select="'witness'"/>
        <xsl:with-param name="id" select="concat('witness-', kw:lower(substring-after(@key, 'witness')))"/>
        <xsl:with-param name="person" select="j:map[@key = 'individual']"/>
        <xsl:with-param name="subject" select="string($subject)"/>
        <xsl:with-param name="relationship" select="concat(j:string[@key = 'otherRelationship'][kw:text(.) != ''], j:string[@key = 'relationship'][not(kw:text(../j:string[@key = 'otherRelationship']) != '')])"/>
        <xsl:with-param name="event-date" select="$event-date"/>
      </xsl:call-template>
    </xsl:for-each>
    <xsl:variable name="known" select="j:map[(@key = 'mother' or @key = 'father' or @key = 'spouse' or @key = 'bride' or @key = 'groom') and (starts-with($says, concat(@key, '|')) or substring-after($says, '|') = @key or ($informant/j:map[@key = 'individual']/j:string[@key = 'id'] != '' and $informant/j:map[@key = 'individual']/j:string[@key = 'id'] = j:string[@key = 'id']))]"/>
    <xsl:if test="$informant and not($known)">
      <xsl:call-template name="person">
        <xsl:with-param name="code" select="'informant'"/>
        <xsl:with-param name="person" select="$informant/j:map[@key = 'individual'] | $informant[not(j:map[@key = 'individual'])]"/>
        <xsl:with-param name="subject" select="string($subject)"/>
        <xsl:with-param name="registration" select="$registration"/>
        <xsl:with-param name="is-informant" select="true()"/>
        <xsl:with-param name="relationship" select="concat($informant/j:string[@key = 'otherRelationship'][kw:text(.) != ''], $informant/j:string[@key = 'relationship'][not(kw:text(../j:string[@key = 'otherRelationship']) != '')])"/>
        <xsl:with-param name="event-date" select="$event-date"/>
      </xsl:call-template>
    </xsl:if>
    <xsl:for-each select="$registration/j:array[@key = 'status']/j:map[j:map[@key = 'user']/j:array[@key = 'name']/j:map][1]/j:map[@key = 'user']">
      <party id="officer">
        <role>registrar</role>
        <xsl:apply-templates select="j:array[@key = 'name']/j:map" mode="name"/>
        <xsl:if test="kw:text(j:string[@key = 'id']) != ''"><identifier><type>professional</type><value><xsl:value-of select="kw:text(j:string[@key = 'id'])"/></value></identifier></xsl:if>
      </party>
    </xsl:for-each>
  </xsl:template>

  <xsl:template name="person">
    <xsl:param name="code"/>
    <xsl:param name="id" select="$code"/>
    <xsl:param name="person"/>
    <xsl:param name="subject"/>
    <xsl:param name="registration" select="/.."/>
    <xsl:param name="is-informant" select="false()"/>
    <xsl:param name="relationship"/>
    <xsl:param name="event-date"/>
    <xsl:variable name="nationality" select="$person/j:array[@key = 'nationality']/j:string[kw:text(.) != ''] | $person/j:string[@key = 'nationality'][kw:text(.) != '']"/>
    <xsl:variable name="birth-date" select="$person[not(j:boolean[@key = 'exactDateOfBirthUnknown'] = 'true')]/j:string[@key = 'birthDate']"/>
    <xsl:variable name="age" select="$person/j:number[@key = 'ageOfIndividualInYears']"/>
    <party id="{$id}">
      <role><xsl:value-of select="$code"/></role>
      <xsl:if test="$is-informant and $code != 'informant'"><role>informant</role></xsl:if>
      <xsl:apply-templates select="$person/j:array[@key = 'name']/j:map" mode="name"/>
      <xsl:variable name="citizenship"><xsl:if test="$nationality"><xsl:value-of select="kw:code('citizenship', $nationality[1])"/></xsl:if></xsl:variable>
      <xsl:for-each select="$person/j:array[@key = 'identifier']/j:map">
        <xsl:call-template name="identifier">
          <xsl:with-param name="type" select="concat(j:string[@key = 'otherType'][kw:text(.) != ''], j:string[@key = 'type'][not(kw:text(../j:string[@key = 'otherType']) != '')])"/>
          <xsl:with-param name="value" select="*[@key = 'id']"/>
          <xsl:with-param name="citizenship" select="string($citizenship)"/>
        </xsl:call-template>
      </xsl:for-each>
      <xsl:variable name="number" select="kw:text($registration/j:string[@key = 'registrationNumber'])"/>
      <xsl:if test="($code = 'child' or $code = 'deceased') and $number != '' and not($person/j:array[@key = 'identifier']/j:map[j:string[@key = 'id'] = $number])">
        <identifier>
          <type>
            <xsl:choose>
              <xsl:when test="$code = 'child'">birth_registration</xsl:when>
              <xsl:otherwise>death_registration</xsl:otherwise>
            </xsl:choose>
          </type>
          <value><xsl:value-of select="$number"/></value>
          <xsl:if test="$own-country != ''"><issuingCountry><xsl:value-of select="$own-country"/></issuingCountry></xsl:if>
        </identifier>
      </xsl:if>
      <xsl:copy-of select="kw:coded('sex', 'sex', $person/j:string[@key = 'gender'], 'http://hl7.org/fhir/administrative-gender')"/>
      <xsl:call-template name="date-of-birth"><xsl:with-param name="date" select="$birth-date"/><xsl:with-param name="age" select="$age"/><xsl:with-param name="at" select="$event-date"/></xsl:call-template>
      <xsl:if test="kw:text($person/j:map[@key = 'deceased']/j:string[@key = 'deathDate']) != ''">
        <dateOfDeath><xsl:copy-of select="kw:date($person/j:map[@key = 'deceased']/j:string[@key = 'deathDate'])"/></dateOfDeath>
      </xsl:if>
      <xsl:if test="$person/j:map[@key = 'deceased']/j:boolean[@key = 'deceased'] = 'true' or $code = 'deceased'"><deceased>true</deceased></xsl:if>
      <xsl:call-template name="stated-age"><xsl:with-param name="date" select="$birth-date"/><xsl:with-param name="age" select="$age"/></xsl:call-template>
      <xsl:for-each select="$nationality"><xsl:copy-of select="kw:coded('citizenship', 'citizenship', ., 'urn:iso:std:iso:3166')"/></xsl:for-each>
      <xsl:copy-of select="kw:coded('maritalStatus', 'marital-status', $person/j:string[@key = 'maritalStatus'], 'http://opencrvs.org/specs/marital-status')"/>
      <xsl:for-each select="$person/j:array[@key = 'address']/j:map[j:string[@key = 'type'] = 'PRIMARY_ADDRESS'][1]">
        <xsl:call-template name="postal"><xsl:with-param name="element" select="'usualResidence'"/><xsl:with-param name="address" select="."/></xsl:call-template>
      </xsl:for-each>
      <xsl:for-each select="$person/j:array[@key = 'address']/j:map[not(j:string[@key = 'type'] = 'PRIMARY_ADDRESS') or preceding-sibling::j:map/j:string[@key = 'type'] = 'PRIMARY_ADDRESS']">
        <xsl:call-template name="postal"><xsl:with-param name="element" select="'address'"/><xsl:with-param name="address" select="."/></xsl:call-template>
      </xsl:for-each>
      <xsl:for-each select="$person/j:array[@key = 'telecom']/j:map[kw:text(j:string[@key = 'value']) != '' and kw:text(j:string[@key = 'system']) != '']">
        <contact><xsl:copy-of select="kw:coded('type', 'contact-type', j:string[@key = 'system'])"/><value><xsl:value-of select="kw:text(j:string[@key = 'value'])"/></value></contact>
      </xsl:for-each>
      <xsl:if test="$is-informant">
        <xsl:for-each select="$registration/j:string[@key = 'contactPhoneNumber' or @key = 'contactEmail'][kw:text(.) != '']">
          <contact>
            <type>
              <xsl:choose>
                <xsl:when test="@key = 'contactEmail'">email</xsl:when>
                <xsl:otherwise>phone</xsl:otherwise>
              </xsl:choose>
            </type>
            <value><xsl:value-of select="kw:text(.)"/></value>
          </contact>
        </xsl:for-each>
      </xsl:if>
      <xsl:copy-of select="kw:coded('educationalAttainment', 'educational-attainment', $person/j:string[@key = 'educationalAttainment'])"/>
      <xsl:call-template name="text"><xsl:with-param name="element" select="'occupation'"/><xsl:with-param name="value" select="$person/j:string[@key = 'occupation']"/></xsl:call-template>
      <xsl:variable name="absent" select="$person/j:boolean[@key = 'detailsExist'] = 'false' or kw:text($person/j:string[@key = 'reasonNotApplying']) != ''"/>
      <xsl:choose>
        <xsl:when test="$absent"/>
        <xsl:when test="$code = 'mother' or $code = 'father' or $code = 'spouse'">
          <relationship to="{$subject}"><type><xsl:value-of select="$code"/></type><basis>declared</basis></relationship>
        </xsl:when>
        <xsl:when test="$code = 'groom'"><relationship to="bride"><type>spouse</type><basis>marriage</basis></relationship></xsl:when>
        <xsl:when test="kw:text($relationship) != ''">
          <relationship to="{$subject}"><xsl:copy-of select="kw:coded('type', 'relationship-type', $relationship, 'http://hl7.org/fhir/ValueSet/relatedperson-relationshiptype')"/><basis>declared</basis></relationship>
        </xsl:when>
      </xsl:choose>
      <xsl:if test="$absent">
        <detailsNotAvailable>
          <reason>not_recorded</reason>
          <xsl:call-template name="text"><xsl:with-param name="element" select="'text'"/><xsl:with-param name="value" select="$person/j:string[@key = 'reasonNotApplying']"/></xsl:call-template>
        </detailsNotAvailable>
      </xsl:if>
    </party>
  </xsl:template>

  <xsl:template match="j:map" mode="name">
    <xsl:variable name="first" select="kw:name(j:string[@key = 'firstNames'])"/>
    <xsl:variable name="middle" select="kw:name(j:string[@key = 'middleName'])"/>
    <xsl:variable name="family" select="kw:name(j:string[@key = 'familyName'])"/>
    <xsl:if test="concat($first, $middle, $family) != ''">
      <name>
        <xsl:call-template name="name-attributes"><xsl:with-param name="use" select="j:string[@key = 'use']"/><xsl:with-param name="letters" select="concat($first, $middle, $family)"/></xsl:call-template>
        <xsl:if test="$first != ''"><givenName><xsl:value-of select="$first"/></givenName></xsl:if>
        <xsl:if test="$middle != ''"><givenName><xsl:value-of select="$middle"/></givenName></xsl:if>
        <xsl:if test="$family != ''"><familyName><xsl:value-of select="$family"/></familyName></xsl:if>
      </name>
    </xsl:if>
    <xsl:if test="kw:name(j:string[@key = 'marriedLastName']) != ''">
      <name use="married"><familyName><xsl:value-of select="kw:name(j:string[@key = 'marriedLastName'])"/></familyName></name>
    </xsl:if>
  </xsl:template>

  <xsl:template name="postal">
    <xsl:param name="element"/>
    <xsl:param name="address"/>
    <xsl:variable name="lines">
      <xsl:for-each select="$address/j:array[@key = 'line']/j:string[kw:text(.) != '']">
        <xsl:if test="position() &gt; 1">, </xsl:if>
        <xsl:value-of select="kw:text(.)"/>
      </xsl:for-each>
    </xsl:variable>
    <xsl:if test="concat($lines, kw:text($address/j:string[@key = 'city']), kw:text($address/j:string[@key = 'postalCode']), kw:text($address/j:string[@key = 'district']), kw:text($address/j:string[@key = 'state']), kw:text($address/j:string[@key = 'country'])) != ''">
      <xsl:element name="{$element}">
        <xsl:copy-of select="kw:coded('type', 'address-type', $address/j:string[@key = 'type'], 'http://opencrvs.org/specs/address-type')"/>
        <xsl:if test="$lines != ''"><fullAddress><xsl:value-of select="$lines"/></fullAddress></xsl:if>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'postName'"/><xsl:with-param name="value" select="$address/j:string[@key = 'city']"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'postCode'"/><xsl:with-param name="value" select="$address/j:string[@key = 'postalCode']"/></xsl:call-template>
        <!-- Ids of Locations, whose names a search does not answer. -->
        <xsl:call-template name="text"><xsl:with-param name="element" select="'localCode'"/><xsl:with-param name="value" select="$address/j:string[@key = 'district']"/></xsl:call-template>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'localCode'"/><xsl:with-param name="value" select="$address/j:string[@key = 'state']"/></xsl:call-template>
        <xsl:copy-of select="kw:coded('country', 'country', $address/j:string[@key = 'country'], 'urn:iso:std:iso:3166')"/>
      </xsl:element>
    </xsl:if>
  </xsl:template>

  <xsl:template name="birth">
    <xsl:if test="*[@key = 'birthType' or @key = 'attendantAtBirth' or @key = 'weightAtBirth' or @key = 'childrenBornAliveToMother' or @key = 'foetalDeathsToMother' or @key = 'lastPreviousLiveBirth'][kw:text(.) != ''] or j:map[@key = 'child']/j:number[@key = 'multipleBirth']">
      <liveBirth>
        <xsl:copy-of select="kw:coded('birthType', 'birth-type', j:string[@key = 'birthType'], 'http://opencrvs.org/birthType')"/>
        <xsl:call-template name="count"><xsl:with-param name="element" select="'birthOrderInDelivery'"/><xsl:with-param name="value" select="j:map[@key = 'child']/j:number[@key = 'multipleBirth']"/></xsl:call-template>
        <xsl:copy-of select="kw:coded('attendant', 'attendant', j:string[@key = 'attendantAtBirth'], 'http://opencrvs.org/attendantAtBirth')"/>
        <xsl:call-template name="text"><xsl:with-param name="element" select="'attendantName'"/><xsl:with-param name="value" select="j:string[@key = 'otherAttendantAtBirth']"/></xsl:call-template>
        <xsl:call-template name="weight"><xsl:with-param name="kilograms" select="j:number[@key = 'weightAtBirth']"/></xsl:call-template>
        <xsl:call-template name="count"><xsl:with-param name="element" select="'childrenBornAlive'"/><xsl:with-param name="value" select="j:number[@key = 'childrenBornAliveToMother']"/></xsl:call-template>
        <xsl:call-template name="count"><xsl:with-param name="element" select="'foetalDeaths'"/><xsl:with-param name="value" select="j:number[@key = 'foetalDeathsToMother']"/></xsl:call-template>
        <xsl:if test="kw:text(j:string[@key = 'lastPreviousLiveBirth']) != ''"><previousLiveBirth><xsl:copy-of select="kw:date(j:string[@key = 'lastPreviousLiveBirth'])"/></previousLiveBirth></xsl:if>
      </liveBirth>
    </xsl:if>
  </xsl:template>

  <xsl:template name="death">
    <xsl:if test="j:string[@key = 'mannerOfDeath' or @key = 'causeOfDeath' or @key = 'causeOfDeathMethod' or @key = 'causeOfDeathEstablished' or @key = 'deathDescription'][kw:text(.) != '']">
      <death>
        <xsl:for-each select="j:string[@key = 'causeOfDeath' or @key = 'deathDescription'][kw:text(.) != '']">
          <cause><system>text</system><text><xsl:value-of select="kw:text(.)"/></text></cause>
        </xsl:for-each>
        <xsl:choose>
          <xsl:when test="kw:text(j:string[@key = 'causeOfDeathMethod']) != ''">
            <certification><xsl:copy-of select="kw:coded('type', 'certification-type', j:string[@key = 'causeOfDeathMethod'], 'http://opencrvs.org/specs/cause-of-death-method')"/></certification>
          </xsl:when>
          <xsl:when test="j:string[@key = 'causeOfDeathEstablished'] = 'false'">
            <certification><type original="false" originalSystem="http://opencrvs.org/specs/cause-of-death-established">none</type></certification>
          </xsl:when>
        </xsl:choose>
        <xsl:copy-of select="kw:coded('mannerOfDeath', 'manner-of-death', j:string[@key = 'mannerOfDeath'], 'http://opencrvs.org/specs/manner-of-death')"/>
      </death>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
